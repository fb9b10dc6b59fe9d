"""Stage two: training, evaluation and reporting of fusion designs on cached embeddings.

Embeddings are computed in `affuse.extract`, and corpora are read in `affuse.data`.
"""
