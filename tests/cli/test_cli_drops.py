"""`vecindex ingest` of files that hold what changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
VECTORS = ("--vector-field", "v", "--unverified", "--model", "test/none")
DROP = (*VECTORS, "--newer", "day", "--deleted-field", "gone")


def file_of(path: Path, rows: Sequence[tuple[str, int]]) -> Path:
    """Write rows of an id and a day."""
    lines = [json.dumps({"id": id, "day": day, "text": f"{id} of {day}", "v": [1.0, day]}) for id, day in rows]
    path.write_text("\n".join([*lines, json.dumps({"id": "z", "day": 9, "gone": True})]), encoding="utf-8")
    return path


def test_what_was_left_out_is_said_and_nothing_is_missing(run: Run, tmp_path: Path) -> None:
    db = tmp_path / "db"
    assert run("ingest", "--db", db, file_of(tmp_path / "1.jsonl", [("a", 1), ("b", 1), ("c", 1)]), *DROP).code == 0
    done = run("ingest", "--db", db, file_of(tmp_path / "2.jsonl", [("a", 2), ("b", 0)]), *DROP, "--json")
    assert done.code == 0
    counts = "0 added, 1 changed, 0 unchanged, 0 rejected, 1 left out, 1 deletions = 3 read; 3 rows in all"
    assert f"articles: {counts}" in done.err
    assert "  1 row left out: a newer version is in the table, or was read before" in done.err
    assert "  1 row says that its id is deleted" in done.err
    assert "--prune" not in done.err
    assert {key: done.json[key] for key in ("read", "older", "deleted", "changed")} == {
        "read": 3,
        "older": 1,
        "deleted": 1,
        "changed": 1,
    }
    # A plain run of such a file says which rows it lacks.
    other = file_of(tmp_path / "3.jsonl", [("a", 3)])
    assert "--prune removes them" in run("ingest", "--db", db, other, *VECTORS).err


def test_with_prune_it_is_refused(run: Run, tmp_path: Path) -> None:
    refused = run("ingest", "--db", tmp_path / "db", file_of(tmp_path / "1.jsonl", []), *DROP, "--prune")
    assert refused.code == 2
    assert "--prune removes all rows that the sources do not hold, and a drop holds only what changed." in refused.err
    assert "Leave --prune out." in refused.err
