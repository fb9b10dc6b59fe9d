"""Prediction of recordings and transcripts with a trained model, without a corpus."""
