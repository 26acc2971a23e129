"""Texts to vectors: encoders, finding their models, batching by tokens, precision, memory back-off."""
