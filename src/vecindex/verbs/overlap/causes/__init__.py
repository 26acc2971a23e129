"""Experiments for and against the causes, with what they need, and the words of verdicts."""
