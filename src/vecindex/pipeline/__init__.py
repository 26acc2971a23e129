"""One module for each verb: wires the edges to the core."""
