"""Files that hold what changed, in whatever order they come: the newest version of a row stands, a deletion too."""
