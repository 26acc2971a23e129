"""Work on several processes and machines, by Ray: the only code that imports it."""
