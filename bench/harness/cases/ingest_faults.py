"""What a kill leaves of an ingest, and what runs after it cost: the same again, once more, one changed passage."""

from harness.cases.ingest import run_faults as run_all

__all__ = ["run_all"]
