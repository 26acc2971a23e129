"""Object storage: the few requests that LanceDB does not make for us, and its faults in words."""
