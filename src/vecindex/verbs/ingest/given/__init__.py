"""Precomputed embeddings: whether they are those of a model, and by which recipe they were made."""
