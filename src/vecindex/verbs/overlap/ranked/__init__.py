"""The overlap of a ranker's hits: those by words, hybrid, reranked or diverse, in place of the nearest by vectors."""
