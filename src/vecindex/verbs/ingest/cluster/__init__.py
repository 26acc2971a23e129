"""An ingest whose texts are embedded, and whose rows are written, by workers on a Ray cluster."""
