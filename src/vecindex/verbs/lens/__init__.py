"""The lens: a small map of one question's nearest articles."""
