"""One module a case: `NAME`, and `run(session)`, which measures and writes rows."""
