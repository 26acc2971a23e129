"""Status, removal, tags, compaction, and the check of the whole table."""
