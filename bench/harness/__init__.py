"""The harness of comparisons: environments of other tools, runs in turns, rows, and the page made of them."""
