"""Models without a transformer: a table with a vector for each token, and their mean."""
