"""One module for each input format, each a stream of rows."""
