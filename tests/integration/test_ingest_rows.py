"""What an ingest makes of rows, told by ready-made vectors wherever the model does not matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vecindex
from invariants import read
from vecindex.errors import ConfigError, ModelError
from vecindex.types import Progress, Silent

READY: dict[str, Any] = {"model": "nobody/none", "vector_field": "v", "unverified": True}


def row(row_id: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a row with a vector of its own."""
    return {"id": row_id, "text": f"text of {row_id}", "v": [1.0, float(at), 0.0], **fields}


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_first_row_that_is_none_is_rejected_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"meta": "header"}, row("a"), row("b", 1)])
    report = vecindex.open(tmp_path / "db").ingest(path, **READY)
    assert (report.added, report.reject_reasons) == (2, {"no id in field 'id'": 1})


def test_a_title_is_found_though_the_first_row_has_none(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row("a"), row("b", 1, title="B")])
    report = vecindex.open(tmp_path / "db").ingest(path, text_template="{title}: {text}", **READY)
    assert report.added == 2
    assert {r["id"]: r["title"] for r in read(tmp_path / "db")} == {"a": None, "b": "B"}


def test_rows_before_a_source_breaks_off_are_kept(tmp_path: Path) -> None:
    import gzip

    whole = gzip.compress("".join(json.dumps(row(str(i), i)) + "\n" for i in range(300)).encode(), mtime=0)
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(vecindex.VecindexError, match=r"rows\.jsonl\.gz"):
        vecindex.open(tmp_path / "db").ingest(path, **READY)
    assert len(read(tmp_path / "db")) > 0


def test_a_good_row_may_follow_a_bad_one_of_its_id(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest(write(tmp_path / "first.jsonl", [row("a", year=1)]), **READY)
    rows = [
        row("r", 1, year="bad"),
        row("x", 2, year=2),
        row("a", 3, year="bad"),
        row("r", 4, year=7),
        row("a", 5, year=8),
    ]
    report = index.ingest(write(tmp_path / "rows.jsonl", rows), transaction_rows=3, **READY)
    assert (report.added, report.changed) == (2, 1)
    assert report.reject_reasons == {"wrong type": 2}
    assert {r["id"]: r["year"] for r in read(tmp_path / "db")} == {"r": 7, "x": 2, "a": 8}


def test_a_dry_run_tells_what_the_run_does(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest(write(tmp_path / "first.jsonl", [row(c, i, year=1) for i, c in enumerate("abc")]), **READY)
    rows = [row("a", 0, year=1), row("b", 1, year=2), row("d", 4, year=4), row("e", 5, year="bad")]
    path = write(tmp_path / "rows.jsonl", rows)
    counts = ("read", "added", "changed", "skipped", "rejected", "missing", "vectors")
    dry = index.ingest(path, dry_run=True, **READY)
    done = index.ingest(path, **READY)
    assert (
        [getattr(dry, name) for name in counts] == [getattr(done, name) for name in counts] == [4, 1, 1, 1, 1, 1, 2]
    )
    assert dry.reject_reasons == done.reject_reasons == {"wrong type": 1}
    assert dry.estimate is not None
    assert (dry.estimate.rows, dry.estimate.exact) == (2, True)
    assert dry.to_dict()["estimate"]["rows"] == 2


def test_a_dry_run_counts_no_vector_that_is_kept(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    rows = [{"id": c, "text": f"text {c}", "year": 1} for c in "ab"]
    index.ingest(write(tmp_path / "rows.jsonl", rows))
    write(tmp_path / "rows.jsonl", [{**rows[0], "year": 2}, {**rows[1], "text": "another"}])
    dry, done = (index.ingest(tmp_path / "rows.jsonl", dry_run=dry_run) for dry_run in (True, False))
    assert (dry.changed, dry.vectors) == (done.changed, done.vectors) == (2, 1)


def test_progress_is_told_while_rows_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.pipeline.plan._TELL_SKIPPED", 10)
    seen: list[int] = []

    class Listener(Silent):
        def progress(self, progress: Progress) -> None:
            seen.append(progress.rows)

    index = vecindex.open(tmp_path / "db")
    path = write(tmp_path / "rows.jsonl", [row(str(i), i) for i in range(35)])
    index.ingest(path, **READY)
    for dry_run in (False, True):
        seen.clear()
        assert index.ingest(path, observer=Listener(), dry_run=dry_run, **READY).skipped == 35
        assert seen == [10, 20, 30, 35]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"model": "BAAI/bge-small-en-v1.5"}, "model: asked for BAAI/bge-small-en-v1.5, the table has sentence-"),
        ({"revision": "abc"}, "revision: asked for abc, the table has none"),
        (
            {"chunk": 0},
            "chunking: asked for chunks of as many tokens as the model reads, 32 shared, the table has none",
        ),
    ],
)
def test_a_model_is_refused_without_being_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    import huggingface_hub

    cached = huggingface_hub.snapshot_download

    def only_cached(*args: Any, local_files_only: bool, **kwargs: Any) -> str:
        assert local_files_only, "a model is fetched"
        return str(cached(*args, local_files_only=True, **kwargs))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", only_cached)
    index = vecindex.open(tmp_path / "db")
    path = write(tmp_path / "rows.jsonl", [{"id": "a", "text": "a"}])
    index.ingest(path)
    with pytest.raises(ModelError, match="made differently") as caught:
        index.ingest(path, **options)
    assert told in caught.value.message


def test_chunks_longer_than_the_model_reads_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"id": "a", "text": "a"}])
    with pytest.raises(ConfigError, match="reads 256 tokens, asked for chunks of 600"):
        vecindex.open(tmp_path / "db").ingest(path, chunk=600)
    assert not (tmp_path / "db" / "articles.lance").exists()
    report = vecindex.open(tmp_path / "db").ingest(path, chunk=256)
    assert (report.added, report.seconds.tokenizing > 0) == (1, True)


def test_stop_is_public(tmp_path: Path) -> None:
    stop = vecindex.Stop()
    stop.request()
    report = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", [row("a")]), stop=stop, **READY)
    assert report.interrupted
