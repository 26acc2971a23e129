"""What an ingest makes of rows, shown with precomputed vectors wherever the model does not matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vecindex
from invariants import read
from vecindex.embed.encoder import Encoder
from vecindex.embed.models import DEFAULT_MODEL, PACKAGED
from vecindex.errors import ConfigError, ModelError
from vecindex.types import Chunking, Fingerprint, Progress, Silent
from vecindex.verbs.ingest.model import choose_model
from vecindex.verbs.ingest.options import IngestOptions, checked_ingest

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


def test_a_stray_row_does_not_rename_the_fields_of_all_others(tmp_path: Path) -> None:
    rows = [{"url": f"u{i}", "body": f"text {i}", "v": [1.0, float(i)]} for i in range(9)]
    rows.insert(4, {"id": "1", "content": "x", "url": "z", "v": [1.0, 0.5]})
    report = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", rows), **READY)
    assert (report.added, report.reject_reasons) == (9, {"empty text next to a vector": 1})
    assert {r["id"]: r["text"] for r in read(tmp_path / "db")} == {f"u{i}": f"text {i}" for i in range(9)}


def test_folders_name_no_id_and_no_title(tmp_path: Path) -> None:
    for key in ("a", "b"):
        folder = tmp_path / "data" / f"key={key}" / "subject=physics"
        folder.mkdir(parents=True)
        write(folder / "rows.jsonl", [{"url": f"{key}{i}", "body": "t", "v": [1.0, float(i)]} for i in range(2)])
    report = vecindex.open(tmp_path / "db").ingest(tmp_path / "data", **READY)
    assert (report.added, report.rejected) == (4, 0)
    found = vecindex.open(tmp_path / "db").search(id="a0", k=3)
    assert {hit.id: (hit.title, hit.fields["key"]) for hit in found.hits} == {
        "a1": (None, "a"),
        "b0": (None, "b"),
        "b1": (None, "b"),
    }


def test_folders_name_no_id_beside_a_file_of_vectors_either(tmp_path: Path) -> None:
    import numpy as np

    folder = tmp_path / "data" / "key=a"
    folder.mkdir(parents=True)
    write(folder / "rows.jsonl", [{"url": f"u{i}", "body": "t"} for i in range(2)])
    np.save(tmp_path / "v.npy", np.eye(2, 3, dtype=np.float32))
    report = vecindex.open(tmp_path / "db").ingest(
        tmp_path / "data", vectors=tmp_path / "v.npy", model="nobody/none", unverified=True
    )
    assert (report.added, report.rejected) == (2, 0)
    assert {r["id"]: r["key"] for r in read(tmp_path / "db")} == {"u0": "a", "u1": "a"}


def test_the_spelling_of_a_glob_changes_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "year=2024" / "a"
    folder.mkdir(parents=True)
    write(folder / "rows.jsonl", [row("x")])
    (folder / "one.txt").write_text("a text")
    monkeypatch.chdir(tmp_path)
    index = vecindex.open(tmp_path / "db")
    index.ingest("year=2024/*/*.jsonl", **READY)
    assert index.ingest("./year=2024/*/*.jsonl", **READY).skipped == 1
    texts = vecindex.open(tmp_path / "db", table="texts")
    texts.ingest("year=2024/*/*.txt")
    assert texts.ingest("./year=2024/*/*.txt").skipped == 1


def test_long_rows_are_not_gathered_by_the_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vecindex.sources.formats import FileSource
    from vecindex.verbs.ingest import plan
    from vecindex.verbs.ingest.fields import settle

    monkeypatch.setattr(settle, "_LOOK_AHEAD_BYTES", 100)
    read_rows, most = [0], [0]
    reading = FileSource.read
    judge = plan.Planner._judge

    def counted(self: FileSource) -> Any:
        for item in reading(self):
            read_rows[0] += 1
            yield item

    def judged(self: plan.Planner, *args: Any) -> Any:
        most[0] = max(most[0], read_rows[0] - self.report.read)
        return judge(self, *args)

    monkeypatch.setattr(FileSource, "read", counted)
    monkeypatch.setattr(plan.Planner, "_judge", judged)
    path = write(tmp_path / "rows.jsonl", [row(str(i), i, text="t" * 40) for i in range(50)])
    assert vecindex.open(tmp_path / "db").ingest(path, **READY).added == 50
    assert most[0] <= 3


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
    monkeypatch.setattr("vecindex.verbs.ingest.plan._SKIPPED_AT_ONCE", 10)
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


def test_the_commit_of_a_model_is_compared_with_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vecindex.embed.models import NotOnThisMachineError
    from vecindex.verbs.ingest import model as module

    asked: list[tuple[str | None, bool]] = []

    def nowhere(name: str, revision: str | None = None, fetch: bool = True, stored: str | None = None) -> None:
        asked.append((revision, fetch))
        raise NotOnThisMachineError(name)

    monkeypatch.setattr(module, "find", nowhere)
    stored = Fingerprint("m", "w", "a" * 40, 3, "mean", "", 256, None, None)
    with pytest.raises(ModelError, match=f"revision: asked for {'b' * 40}, the table has {'a' * 40}"):
        choose_model(checked_ingest(IngestOptions(revision="b" * 40)), stored, "db", precomputed=False)
    assert asked == [("b" * 40, False)]
    # What a tag means, only the hub can tell.
    with pytest.raises(NotOnThisMachineError):
        choose_model(checked_ingest(IngestOptions(revision="v1.0")), stored, "db", precomputed=False)
    assert asked[-1] == ("v1.0", True)


def test_a_model_folder_that_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    path = write(tmp_path / "rows.jsonl", [{"id": "a", "text": "a"}])
    index.ingest(path)
    with pytest.raises(ModelError, match="No model folder at \\./modle"):
        index.ingest(path, model="./modle")


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


def test_a_stray_vector_does_not_decide_how_long_all_are(tmp_path: Path) -> None:
    rows = [row("short") | {"v": [1.0, 2.0]}, *(row(str(i), i) for i in range(5))]
    index, path = vecindex.open(tmp_path / "db"), write(tmp_path / "rows.jsonl", rows)
    told = index.ingest(path, **READY, dry_run=True)
    report = index.ingest(path, **READY)
    for found in (told, report):
        assert (found.added, found.vectors, found.reject_reasons) == (5, 5, {"wrong vector": 1})
    assert {r["id"] for r in read(tmp_path / "db")} == {str(i) for i in range(5)}


def test_a_stray_vector_does_not_end_the_check_against_the_model(tmp_path: Path) -> None:
    texts = [f"A text of the number {i}." for i in range(6)]
    plain = write(tmp_path / "plain.jsonl", [{"id": str(i), "text": text} for i, text in enumerate(texts)])
    vecindex.open(tmp_path / "made").ingest(plain)
    made = {r["id"]: list(map(float, r["vector"])) for r in read(tmp_path / "made")}
    rows = [{"id": str(i), "text": text, "v": made[str(i)]} for i, text in enumerate(texts)]
    rows[0]["v"] = [1.0, 2.0, 3.0]
    index, path = vecindex.open(tmp_path / "db"), write(tmp_path / "rows.jsonl", rows)
    report = index.ingest(path, vector_field="v", model="all-MiniLM-L6-v2")
    assert (report.added, report.reject_reasons) == (5, {"wrong vector": 1})


def test_a_dry_run_holds_vectors_against_their_model_too(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [row("a"), row("b", 1)])
    index = vecindex.open(tmp_path / "db")
    with pytest.raises(ModelError, match="The vectors are not checked: the model nobody/none is not on this machine"):
        index.ingest(path, model="nobody/none", vector_field="v", dry_run=True)
    assert not (tmp_path / "db").exists()


def test_a_stop_while_the_model_loads_makes_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vecindex.verbs.ingest.run import Run

    stop = vecindex.Stop()
    load = Run.load_encoder

    def slow(run: Run) -> Encoder:
        stop.request()
        return load(run)

    monkeypatch.setattr(Run, "load_encoder", slow)
    path = write(tmp_path / "rows.jsonl", [{"id": "a", "text": "a"}])
    report = vecindex.open(tmp_path / "db").ingest(path, stop=stop)
    assert (report.interrupted, report.added) == (True, 0)
    assert not (tmp_path / "db" / "articles.lance").exists()


def test_an_overlap_of_chunks_that_is_not_given_is_the_tables() -> None:
    weights = PACKAGED[DEFAULT_MODEL].sha256
    stored = Fingerprint(DEFAULT_MODEL, weights, None, 384, "mean", "", 256, None, Chunking(40, 16))
    assert choose_model(
        checked_ingest(IngestOptions(chunk=40)), stored, "db", precomputed=False
    ).chunking == Chunking(40, 16)
    with pytest.raises(ModelError, match="were made differently"):
        choose_model(checked_ingest(IngestOptions(chunk=40, chunk_overlap=8)), stored, "db", precomputed=False)


@pytest.mark.parametrize(("given", "tokens"), [(True, 0), (0, 0), (40, 40), (False, None), (None, None)])
def test_chunks_of_so_many_tokens_or_of_all_that_the_model_reads(given: int | None, tokens: int | None) -> None:
    assert checked_ingest(IngestOptions(chunk=given))["chunk"] == tokens


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    with pytest.raises(ConfigError, match="chunk_overlap= has no effect without chunk="):
        index.ingest("rows.jsonl", chunk_overlap=8)
    with pytest.raises(ConfigError, match="Give one of vector_field= and vectors="):
        index.ingest("rows.jsonl", vector_field="v", vectors="v.npy")
    with pytest.raises(ConfigError, match="precision= is auto, fp32, bf16 or fp16, found 'int8'"):
        index.ingest("rows.jsonl", precision="int8")
    with pytest.raises(ConfigError, match="transaction_rows= must be at least 1, found 0"):
        index.ingest("rows.jsonl", transaction_rows=0)
