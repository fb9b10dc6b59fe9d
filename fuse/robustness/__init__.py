"""What a trained run loses where a modality is removed or permuted."""
