"""Status: what it counts, and what it advises."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pytest

import vecindex
from tables import OTHER_WEIGHTS, append, chunked_table, filled, fingerprint, make_table, unit_vectors
from vecindex.cli.render.upkeep import print_status
from vecindex.errors import CorruptError, TableNotFoundError
from vecindex.store import maintenance
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Rejected
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.upkeep.status import Status, Unfinished


def last_run(txn: int, **changes: Any) -> dict[str, Any]:
    """Return what an ingest keeps of its run."""
    return {
        **IngestReport("articles").to_dict(),
        "run": "abc",
        "last_txn": txn,
        "ended_at": datetime.now(UTC).isoformat(),
        **changes,
    }


def advice(found: Status) -> list[str]:
    """Return what to do next, spelled for Python."""
    return [str(sentence) for sentence in found.next]


def test_counts_and_provenance(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 40)
    append(table, unit_vectors(10), ids=[f"b{i}" for i in range(10)], txn=2, truncated=[True] * 8 + [False] * 2)
    table.set_setting(last_run=last_run(2, added=50), batch_tokens={"cpu": 512})
    found = vecindex.open(tmp_path).status()
    assert (found.rows, found.articles, found.truncated, found.truncated_frac) == (50, None, 8, 8 / 50)
    assert found.fingerprint == fingerprint(weights=OTHER_WEIGHTS)
    assert found.last_run is not None
    assert found.last_run["added"] == 50
    assert found.unfinished is None
    assert found.columns == {"year": "int64", "topic": "string", "share": "double"}
    assert found.batch_tokens == {"cpu": 512}
    assert (found.rejected, found.rejects, found.tags, found.maps, found.writer) == (0, None, {}, {}, None)
    assert not found.words_indexed


@pytest.mark.parametrize(
    ("megabytes", "line"),
    [
        ("1", "1.3 kB in memory while searches follow each other, of 1.0 MB that they may take"),
        ("0", "1.3 kB, read from the disk at each search: in memory they may take 0 B"),
    ],
)
def test_the_memory_of_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], megabytes: str, line: str
) -> None:
    filled(tmp_path, 40)
    monkeypatch.setenv("VECINDEX_VECTOR_MB", megabytes)
    found = vecindex.open(tmp_path).status()
    assert (found.vectors_bytes, found.vectors_budget_bytes) == (40 * 8 * 4, int(megabytes) * 1_000_000)
    print_status(found)
    assert f"vectors {line}" in " ".join(capsys.readouterr().out.split())
    monkeypatch.delenv("VECINDEX_VECTOR_MB")
    assert vecindex.open(tmp_path).status().vectors_budget_bytes > 1_000_000


def on_disk(*paths: Path) -> int:
    """Return what files and folders with all in them take on disk, as du counts."""
    return 512 * sum(p.stat().st_blocks for path in paths for p in (path, *path.rglob("*")))


def test_bytes_are_those_on_disk(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "small").write_bytes(b"x")
    found = vecindex.open(tmp_path).status()
    own = tmp_path / "articles.lance"
    assert (found.table_bytes, found.database_bytes) == (on_disk(own), on_disk(tmp_path))
    assert found.live_bytes == on_disk(*(own / "data").iterdir())
    assert (found.fragments, found.versions) == (1, 2)
    if du := shutil.which("du"):
        said = subprocess.run([du, "-s", "-B1", str(tmp_path)], capture_output=True, text=True, check=True)
        assert found.database_bytes == int(said.stdout.split()[0])
    report = vecindex.open(tmp_path).optimize(older_than="0s")
    assert (report.bytes_before, report.bytes_after) == (found.table_bytes, on_disk(own))


def test_old_versions_are_counted_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = filled(tmp_path)
    for number in range(5):
        table.set_setting(batch_tokens={"cpu": number})
    # Of each version but the newest nothing can be read; and each folder is listed once.
    for manifest in sorted((tmp_path / "articles.lance" / "_versions").glob("*.manifest"))[1:]:
        manifest.write_bytes(b"?" * 100)
    walked: list[Path] = []

    def counted(folder: Path, known: Any = None) -> int:
        walked.append(folder)
        return bytes_in(folder, known)

    bytes_in = maintenance.bytes_in
    monkeypatch.setattr(maintenance, "bytes_in", counted)
    found = vecindex.open(tmp_path).status()
    assert (found.rows, found.versions, found.batch_tokens) == (100, 7, {"cpu": 4})
    assert found.table_bytes == on_disk(tmp_path / "articles.lance")
    assert sorted(walked) == sorted(p for p in (tmp_path / "articles.lance", *tmp_path.rglob("*/*")) if p.is_dir())


def test_articles_in_chunks_are_counted(tmp_path: Path) -> None:
    chunked_table(tmp_path, [3, 1, 4])
    found = vecindex.open(tmp_path).status()
    assert (found.rows, found.articles) == (8, 3)


def test_a_run_that_was_killed(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 30)
    table.set_setting(last_run=last_run(1))
    for txn in (2, 3):
        append(table, unit_vectors(5, seed=txn), ids=[f"t{txn}-{i}" for i in range(5)], txn=txn)
    found = vecindex.open(tmp_path).status()
    assert found.unfinished is not None
    assert (found.unfinished.rows, found.unfinished.transactions) == (10, 2)
    assert found.unfinished.last_commit is not None
    age = datetime.now(UTC) - datetime.fromisoformat(found.unfinished.last_commit)
    assert timedelta(0) <= age < timedelta(minutes=5)
    assert [line for line in advice(found) if "did not come to its end" in line]


def test_a_first_run_that_was_killed(tmp_path: Path) -> None:
    filled(tmp_path, 30)
    found = vecindex.open(tmp_path).status()
    assert found.last_run is None
    assert found.unfinished is not None
    assert (found.unfinished.rows, found.unfinished.transactions) == (30, 1)


def test_a_killed_run_whose_numbers_begin_lower_after_a_deletion(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    append(table, unit_vectors(3), ids=["a", "b", "c"], txn=7)
    table.set_setting(last_run=last_run(7))
    table.delete("true")
    append(table, unit_vectors(2), ids=["d", "e"], txn=1)
    found = vecindex.open(tmp_path).status().unfinished
    assert found == Unfinished(2, 1, found.last_commit if found else None)


def test_a_run_that_was_stopped_calls_for_another(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 3)
    table.set_setting(last_run=last_run(1, interrupted=True))
    found = vecindex.open(tmp_path).status()
    assert found.unfinished is None
    assert advice(found)[0].endswith("to resume it: index.ingest(SOURCE)")


def test_a_run_at_work_is_told_apart_from_a_killed_one(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with Database(tmp_path).writer():
        found = vecindex.open(tmp_path).status()
    assert found.writer is not None
    assert found.writer.startswith("process ")
    assert found.next == []
    # A crash leaves the note of the holder behind; no process has so high a number.
    (tmp_path / ".vecindex.holder").write_text("process 99999999: vecindex ingest x")
    assert vecindex.open(tmp_path).status().writer is None


def test_rejects_are_listed(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    rows = [("in.jsonl", Rejected(f"in.jsonl:{i}", "empty text", f"r{i}", "...")) for i in range(3)]
    RejectTable(Database(tmp_path)).put("articles", "run", rows)
    RejectTable(Database(tmp_path)).put("other", "run", rows[:1])
    index = vecindex.open(tmp_path)
    assert (index.status().rejected, index.status().rejects) == (3, None)
    found = index.status(rejects=True).rejects
    assert found is not None
    assert sorted((row["place"], row["reason"], row["id"]) for row in found) == [
        (f"in.jsonl:{i}", "empty text", f"r{i}") for i in range(3)
    ]
    assert any("index.status(rejects=True)" in line for line in advice(index.status()))


@pytest.mark.parametrize(("cut", "advised"), [(10, False), (11, True)])
def test_many_cut_texts_call_for_chunks(tmp_path: Path, cut: int, advised: bool) -> None:
    table = make_table(tmp_path)
    append(table, unit_vectors(100), truncated=[i < cut for i in range(100)])
    assert any("chunk=True" in line for line in advice(vecindex.open(tmp_path).status())) is advised


def test_many_fragments_call_for_optimize(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    for i in range(65):
        append(table, unit_vectors(1, seed=i), ids=[f"x{i}"], txn=i + 1)
    index = vecindex.open(tmp_path)
    assert any("in 65 fragments" in line for line in advice(index.status()))
    index.optimize(older_than="0s")
    assert not any("fragments" in line for line in advice(index.status()))


def test_old_versions_call_for_optimize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vecindex.verbs.upkeep.status.MUCH_GARBAGE_BYTES", 10_000)
    table, _ = filled(tmp_path, 2_000)
    assert not any("older_than" in line for line in advice(vecindex.open(tmp_path).status()))
    table.delete("year > 1950")
    Database(tmp_path).articles("articles").lance.to_lance().optimize.compact_files()
    assert any("older_than='0s'" in line for line in advice(vecindex.open(tmp_path).status()))


def test_an_empty_table(tmp_path: Path) -> None:
    make_table(tmp_path)
    found = vecindex.open(tmp_path).status()
    assert (found.rows, found.truncated_frac, found.unfinished) == (0, 0.0, None)
    assert advice(found) == ["Nothing is in it yet: index.ingest(SOURCE)"]


def test_a_missing_table_names_the_others(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    filled(tmp_path, 1, name="mine")
    with pytest.raises(TableNotFoundError, match=r"No table 'theirs' .* \(tables there: articles, mine\)"):
        vecindex.open(tmp_path, "theirs").status()


def test_a_table_of_someone_else(tmp_path: Path) -> None:
    import lancedb

    lancedb.connect(tmp_path).create_table("articles", [{"id": "1", "vector": np.zeros(4, dtype=np.float32)}])
    with pytest.raises(CorruptError, match="does not say what made its vectors"):
        vecindex.open(tmp_path).status()


def test_the_past_by_its_tag(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    index = vecindex.open(tmp_path)
    index.tag("then")
    table.delete("year < 1910")
    assert index.status().rows == 10
    then = index.status(at="then")
    assert (then.rows, then.at, then.next) == (20, "then", [])
    assert then.tags == {"then": 2}


def test_after_an_ingest(sample_db: Path) -> None:
    found = vecindex.open(sample_db).status()
    assert (found.rows, found.unfinished, found.rejected) == (264, None, 0)
    assert found.last_run is not None
    assert (found.last_run["added"], found.last_run["interrupted"]) == (264, False)
    # More than one where the model takes so long that a kill would cost too much.
    transactions = lance.dataset(sample_db / "articles.lance").to_table(["txn"]).column("txn").unique().to_pylist()
    assert sorted(transactions) == list(range(1, found.last_run["last_txn"] + 1))
    assert found.truncated == found.last_run["truncated"] == 12
    assert found.columns == {"topic": "string"}


def test_the_table_of_rejects_is_not_one_of_articles(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    RejectTable(Database(tmp_path)).put("articles", "run", [("s", Rejected("s:1", "empty text"))])
    with pytest.raises(CorruptError, match="does not say what made its vectors"):
        vecindex.open(tmp_path, "rejects").status()


@pytest.mark.parametrize("with_table", [True, False])
def test_a_damaged_table_of_rejects_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], with_table: bool
) -> None:
    if with_table:
        filled(tmp_path, 1)
    RejectTable(Database(tmp_path)).put("articles", "run", [("s", Rejected("s:1", "empty text"))])
    for path in (tmp_path / "rejects.lance" / "data").iterdir():
        path.write_bytes(b"")
    found = vecindex.open(tmp_path).status(rejects=True)
    assert (found.rows, found.rejected, found.rejects, found.rejects_damaged) == (int(with_table), 0, [], True)
    assert str(found.next[0]).startswith("The table 'rejects' is damaged, so how many input rows were left out")
    print_status(found)
    assert "rejected     unknown: their table is damaged" in capsys.readouterr().out


def write(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


ONE, TWO, THREE = ({"id": name, "text": f"A sentence about {name}."} for name in ("salt", "iron", "gold"))


def versions(folder: Path) -> int:
    return vecindex.open(folder).status().versions


def forget_last_run(folder: Path) -> None:
    """Leave a table as a kill after its last commit does."""
    Database(folder).articles("articles").set_setting(last_run=None)


def test_a_table_that_every_row_was_rejected_for(tmp_path: Path) -> None:
    report = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "bad.jsonl", ["{broken", "[]"]))
    assert (report.rejected, report.rows_in_table) == (2, 0)
    found = vecindex.open(tmp_path / "db").status(rejects=True)
    assert (found.rows, found.rejected, found.fingerprint, found.last_run) == (0, 2, None, None)
    assert [row["place"].rsplit(":")[-1] for row in found.rejects or []] == ["1", "2"]
    assert advice(found) == [
        "Nothing is in it yet: index.ingest(SOURCE)",
        "2 input rows were left out: correct them, and ingest that source again.",
    ]
    last = advice(vecindex.open(tmp_path / "db").status())[-1]
    assert last == "2 input rows were left out; to see why: index.status(rejects=True)"
    assert "none yet" in found._repr_html_()
    with pytest.raises(TableNotFoundError, match="No table 'other'"):
        vecindex.open(tmp_path / "db", "other").status(rejects=True)
    with pytest.raises(TableNotFoundError, match="No table 'articles'"):
        vecindex.open(tmp_path / "db").status(at="then")


def test_a_run_that_finds_all_there_ends_the_one_that_was_killed(tmp_path: Path) -> None:
    source, index = write(tmp_path / "a.jsonl", [ONE, TWO]), vecindex.open(tmp_path / "db")
    index.ingest(source)
    forget_last_run(tmp_path / "db")
    assert index.status().unfinished is not None
    index.ingest(source)
    found = index.status()
    assert found.unfinished is None
    assert found.last_run is not None
    assert (found.last_run["skipped"], found.last_run["added"], found.last_run["last_txn"]) == (2, 0, 1)
    assert not any("did not come to its end" in line for line in advice(found))
    before = versions(tmp_path / "db")
    index.ingest(source)
    assert versions(tmp_path / "db") == before, "now there is nothing new to tell"


def test_a_run_that_only_rejects_ends_the_one_that_was_stopped(tmp_path: Path) -> None:
    source, index = write(tmp_path / "a.jsonl", [ONE]), vecindex.open(tmp_path / "db")
    index.ingest(source)
    table = Database(tmp_path / "db").articles("articles")
    table.set_setting(last_run={**table.setting("last_run"), "interrupted": True})
    index.ingest(write(source, [ONE, "{broken"]))
    found = index.status().last_run
    assert found is not None
    assert (found["interrupted"], found["rejected"], found["skipped"]) == (False, 1, 1)


def test_rows_that_are_no_longer_missing_are_not_told_as_missing(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", [ONE, TWO]), write(tmp_path / "b.jsonl", [THREE])
    index = vecindex.open(tmp_path / "db")
    index.ingest(a)
    index.ingest(b)
    found = index.status()
    assert found.last_run is not None
    assert found.last_run["missing"] == 2
    index.ingest(a, b)
    found = index.status()
    assert found.last_run is not None
    assert (found.last_run["missing"], found.last_run["skipped"]) == (0, 3)


def test_after_a_partial_delivery_nothing_is_advised_that_removes_rows(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.jsonl", [ONE, TWO]), write(tmp_path / "b.jsonl", [THREE])
    index = vecindex.open(tmp_path / "db")
    index.ingest(a)
    index.ingest(b)
    assert advice(index.status()) == [
        'To ask it something: index.search("QUESTION")',
        "To see all of it on a map: index.project()",
    ]


def test_all_tables_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**ONE, "vector": [1.0, 0.0]}, {**TWO, "vector": [0.0, 1.0]}]
    options = {"vector_field": "vector", "unverified": True, "model": "none"}
    for table in ("notes", "articles"):
        vecindex.open(tmp_path / "db", table).ingest(rows, **options)
    found = vecindex.open(tmp_path / "db").status()
    assert found.tables == ("articles", "notes")
    print_status(found)
    assert "tables       articles, notes\n" in capsys.readouterr().out


def test_use_comes_before_embedding_again(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 10)
    append(table, unit_vectors(10), ids=[f"b{i}" for i in range(10)], txn=2, truncated=[True] * 10)
    table.set_setting(last_run=last_run(2))
    vecindex.open(tmp_path).project(method="pca")
    found = advice(vecindex.open(tmp_path).status())
    assert [re.search(r"\bindex\.\w+\(|chunk=", line)[0] for line in found] == [
        "index.search(",
        "index.map(",
        "index.overlap(",
        "chunk=",
    ]


def test_the_rate_is_that_of_the_last_run_that_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write(tmp_path / "a.jsonl", [ONE, TWO]), write(tmp_path / "b.jsonl", [ONE])
    index = vecindex.open(tmp_path / "db")
    index.ingest(a)
    first = index.status().last_run
    assert first is not None
    rate = {key: first[key] for key in ("texts_per_s", "device", "precision", "ended_at")}
    assert first["last_rate"] == rate
    assert rate["texts_per_s"] > 0
    for source in (b, a):  # the second one goes by the first one's memory of it
        index.ingest(source)
        found = index.status()
        assert found.last_run is not None
        assert (found.last_run["texts_per_s"], found.last_run["last_rate"]) == (None, rate)
    print_status(found)
    told = f"; {rate['texts_per_s']:.1f} texts/s on cpu in {rate['precision']} when texts were last embedded, "
    assert f"{told}{rate['ended_at'][:19]}Z" in capsys.readouterr().out


def test_a_table_that_needs_nothing(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 3)
    table.set_setting(last_run=last_run(1))
    ask = 'To ask it something: index.search("QUESTION")'
    assert advice(vecindex.open(tmp_path).status()) == [ask, "To see all of it on a map: index.project()"]
    table.delete("id = 'a00000'")
    assert advice(vecindex.open(tmp_path).status()) == [ask], "a map needs three articles"


def test_a_table_with_a_map_that_needs_nothing(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    table.set_setting(last_run=last_run(1))
    vecindex.open(tmp_path).project(method="pca")
    assert advice(vecindex.open(tmp_path).status()) == [
        'To ask it something: index.search("QUESTION")',
        "To see all of it on a map: index.map()",
        "To see how well it serves your questions: index.overlap(questions=FILE)",
    ]


def test_a_table_of_vectors_taken_on_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = make_table(tmp_path, weights="unknown", max_tokens=0)
    append(table, unit_vectors(2))
    table.set_setting(last_run=last_run(1))
    found = vecindex.open(tmp_path).status()
    assert advice(found) == ["To see what is near one of its rows: index.search(id=ID)"]
    print_status(found)
    lines = capsys.readouterr().out.splitlines()
    assert "embedded     the text, up to an unknown length" in lines
    assert "truncated    not known, since the vectors were precomputed" in lines
