"""Models that a service runs: anything that speaks the OpenAI-compatible API of embeddings."""
