"""One table made of another: by another model, or of one that vecindex did not make."""
