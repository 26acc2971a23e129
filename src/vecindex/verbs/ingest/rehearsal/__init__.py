"""A dry run: what an ingest would do and cost, from samples of large sources."""
