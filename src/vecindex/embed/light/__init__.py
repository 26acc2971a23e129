"""A few texts through a BERT-like model without torch: numpy alone, proven against the full library."""
