"""Loss of CCC of a trained run if a modality is removed, permuted or degraded."""
