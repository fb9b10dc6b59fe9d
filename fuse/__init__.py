"""Stage two: read the embedding cache, train fusion designs, score them."""
