"""Texts to vectors: finding the model, tokenising, batching by tokens, precision, memory back-off."""
