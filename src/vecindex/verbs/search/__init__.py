"""The nearest articles of a text or of an article."""
