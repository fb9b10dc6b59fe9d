"""The cache of embeddings: parts, recipes, selection of caches, and checks of them."""
