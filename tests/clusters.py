"""A Ray cluster of this machine for tests, an encoder that needs no weights, and tables of both engines compared."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vecindex.embed.encoders import ENCODERS
from vecindex.store.database import Database
from vecindex.verbs.ingest.result import IngestReport

PLUGIN = Path(__file__).parent / "plugins" / "vecindex-hashing" / "vecindex_hashing.py"
MODEL = "hashing:16"
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0" * 64,
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_BACKEND_LOG_LEVEL": "error",
    "RAY_enable_metrics_collection": "0",
}
DEADLY = """

_embed = HashingEncoder.embed


def embed(self, tokens, done=None):
    import os
    from pathlib import Path

    met = {one for ids in tokens.ids for one in ids}
    if crc32(b"deadly") in met:
        os.kill(os.getpid(), 9)
    if crc32(b"deadlyonce") in met:
        died = Path(__file__).with_name("died")
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), 9)
    return _embed(self, tokens, done)


HashingEncoder.embed = embed
"""
"""Ends the process at the word "deadly", and at "deadlyonce" the first time."""
RAY: dict[str, Any] = {"engine": "ray", "worker_cores": 1}
COUNTS = ("read", "added", "changed", "skipped", "rejected", "deleted", "left_out", "pruned", "missing", "vectors")
COUNTS += ("repeated", "truncated", "unknown", "tokens", "transactions", "interrupted", "reject_reasons", "taken")
COUNTS += ("left_out_reasons", "rows_in_table")


def installed_encoder(folder: Path) -> Path:
    """Make the encoder `hashing` of tests/plugins a package in a folder, to be put on the path; return the folder."""
    (folder / PLUGIN.name).write_text(PLUGIN.read_text(encoding="utf-8") + DEADLY, encoding="utf-8")
    about = folder / "vecindex_hashing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: vecindex-hashing\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[vecindex.encoders]\nhashing = vecindex_hashing:KIND\n")
    return folder


def look_for_encoders_again() -> None:
    """Let this process find an encoder that has come to its path since it first looked, or is gone from it."""
    vars(ENCODERS).pop("_entries", None)


@contextmanager
def running_ray(folder: Path, cores: int = 2) -> Iterator[None]:
    """Run Ray for this process, which finds the encoder in `folder`; nothing of it is left."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    sys.path.insert(0, str(folder))
    look_for_encoders_again()
    import ray

    # The paths of its sockets may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="vecindex-test-", dir="/tmp") as short:
        ray.init(
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=100 << 20,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            _temp_dir=short,
        )
        try:
            yield
        finally:
            ray.shutdown()
            sys.path.remove(str(folder))
            look_for_encoders_again()


def counts(report: IngestReport) -> dict[str, Any]:
    """Return what a report says of the rows: all but times, and the machine."""
    return {name: getattr(report, name) for name in COUNTS}


def rows_of(db: str | Path, table: str = "articles") -> dict[str, dict[str, Any]]:
    """Return the rows of a table by their ids, without when they were written and by which transaction."""
    data = Database(str(db)).articles(table)
    rows = [row for batch in data.scan(data.schema.names) for row in batch.to_pylist()]
    found = {row.pop("id"): row for row in rows}
    assert len(found) == len(rows), "an id stands twice"
    for row in rows:
        for name in ("txn", "ingested_at", "vector_hash"):
            row.pop(name, None)
    return found


def assert_same_tables(one: str | Path, other: str | Path, table: str = "articles") -> None:
    """Assert that a table has the same rows in two databases; vectors within 1e-3."""
    first, second = rows_of(one, table), rows_of(other, table)
    assert first.keys() == second.keys()
    for row_id, row in first.items():
        there = second[row_id]
        np.testing.assert_allclose(row.pop("vector"), there.pop("vector"), atol=1e-3)
        assert row == there


def rejects_of(db: str | Path) -> list[dict[str, Any]]:
    """Return the stored rejects, without the runs that met them."""
    database = Database(str(db))
    if not database.has("rejects"):
        return []
    rows = database.open_table("rejects").to_lance().to_table().to_pylist()
    for row in rows:
        row.pop("run", None)
        row.pop("rejected_at", None)
    return sorted(rows, key=str)
