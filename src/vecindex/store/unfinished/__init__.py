"""Work that a stopped command left, for the next one to go on from."""
