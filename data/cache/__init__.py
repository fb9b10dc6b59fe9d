"""Cache of embeddings: its parts, recipes, selection, provenance and verification."""
