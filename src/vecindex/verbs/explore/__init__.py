"""From sources and questions to a map that was measured: the chain of the other verbs."""
