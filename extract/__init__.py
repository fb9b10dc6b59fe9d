"""Stage one: encode every utterance once and write the embedding cache."""
