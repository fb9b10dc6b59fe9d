"""From caches and ratings to tensors: joining by id, folds, omissions."""
