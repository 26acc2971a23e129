"""What a run tells of its sources before it works through them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import vecindex
from invariants import read
from vecindex.messages import Message
from vecindex.types import Estimate, Silent


class Heard(Silent):
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.estimates: list[Estimate] = []
        self.notices: list[str] = []

    def estimate(self, estimate: Estimate) -> None:
        self.estimates.append(estimate)

    def notice(self, message: Message) -> None:
        self.notices.append(str(message))


def test_rows_of_compressed_and_partitioned_files_are_estimated_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "corpus" / "lang=en"
    folder.mkdir(parents=True)
    rows = [json.dumps({"id": i, "text": f"A text about the number {i}."}) for i in range(3)]
    (folder / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    (folder / "notes.txt").write_text("x")
    heard, index = Heard(), vecindex.open(tmp_path / "db")
    assert index.ingest(tmp_path / "corpus", observer=heard).added == 3
    assert heard.notices[0] == (
        f"{tmp_path}/corpus: 1 file is left out (lang=en/notes.txt), as the folder is read for its data files; "
        "name a file itself to read it"
    )
    (estimate,) = heard.estimates
    assert (estimate.rows, estimate.exact) == (3, False)
    assert estimate.seconds
    assert estimate.disk_bytes
    assert [row["lang"] for row in read(tmp_path / "db")] == ["en"] * 3
