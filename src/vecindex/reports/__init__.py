"""Results as files that a browser opens. Nothing is computed here but what a drawing needs."""
