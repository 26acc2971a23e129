"""Which other fields a table keeps: chosen once, kept with the table; embeddings that nobody named; empty texts."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import vecindex
from invariants import read
from vecindex.cli.app import app
from vecindex.errors import SourceError
from vecindex.messages import Message
from vecindex.sources import fieldmap
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Silent

READY: dict[str, Any] = {"model": "nobody/none", "vector_field": "v", "unverified": True}
NUMBERS = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]


class Heard(Silent):
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: Message) -> None:
        self.lines.append(str(message))


def rows(n: int, first: int = 0, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": str(i), "text": f"text {i}", **fields, "v": [1.0, float(i)]} for i in range(first, first + n)]


def take(folder: Path, data: Any, **options: Any) -> tuple[vecindex.IngestReport, list[str]]:
    heard = Heard()
    report = vecindex.open(folder).ingest(data, observer=heard, **{**READY, **options})
    assert report.unaccounted == 0
    return report, heard.lines


def columns(folder: Path) -> set[str]:
    return {field.name for field in Database(folder).articles("articles").extra_columns}


def test_a_choice_of_fields_holds_for_later_runs(tmp_path: Path) -> None:
    data = rows(3, year=1, note="n", spans="s")
    _, lines = take(tmp_path, data, skip_fields="spans,note")
    assert lines[0] == (
        "<memory>: id from 'id', text from 'text', embedding from 'v'; 1 other field kept: year; "
        "2 left out: note, spans"
    )
    report, lines = take(tmp_path, [*data, *rows(1, 3, year=2, note="n", spans="s", new="x")])
    assert lines[0] == (
        "<memory>: id from 'id', text from 'text', embedding from 'v'; 2 other fields kept: year, new; 2 left out: "
        "note, spans, as this table keeps its fields; to keep all: skip_fields=''"
    )
    assert report.taken[0].left_out == ["note", "spans"]
    assert (report.skipped, report.added, report.changed) == (3, 1, 0)
    assert columns(tmp_path) == {"year", "new"}
    # Given again, it holds from then on.
    report, _ = take(tmp_path, data, fields="note")
    assert (report.skipped, report.changed) == (0, 3)
    assert take(tmp_path, data)[0].skipped == 3
    assert take(tmp_path, data, skip_fields="")[0].changed == 3
    report, lines = take(tmp_path, data)
    assert (report.skipped, lines[0].endswith("3 other fields kept: year, note, spans")) == (3, True)


def test_a_choice_is_kept_where_a_run_was_killed(tmp_path: Path) -> None:
    data = rows(6, year=1, note="n")

    class Killed(Exception):
        pass

    class Killer(Silent):
        def progress(self, progress: Any) -> None:
            if progress.rows > 2:
                raise Killed

    with pytest.raises(Killed):
        vecindex.open(tmp_path).ingest(data, observer=Killer(), skip_fields="note", transaction_rows=2, **READY)
    report, _ = take(tmp_path, data)
    assert (report.rows_in_table, report.changed, columns(tmp_path)) == (6, 0, {"year"})


def test_a_table_that_is_empty_again_binds_nobody(tmp_path: Path) -> None:
    take(tmp_path, rows(2, note="n"), skip_fields="note")
    vecindex.open(tmp_path).delete("0", "1")
    take(tmp_path, rows(2, note="n"))
    assert columns(tmp_path) == {"note"}


def test_a_damaged_choice_is_none(tmp_path: Path) -> None:
    take(tmp_path, rows(2, note="n"), skip_fields="note")
    with Database(tmp_path).writer():
        Database(tmp_path).articles("articles").set_setting(fields={"skip_fields": 3})
    report, _ = take(tmp_path, rows(2, note="n"))
    assert (report.changed, columns(tmp_path)) == (2, {"note"})
    assert vecindex.open(tmp_path).doctor().findings == ()


def test_numbers_that_nobody_named_are_left_out_for_good(tmp_path: Path) -> None:
    data = rows(3, year=1, emb=NUMBERS)
    report, lines = take(tmp_path, data)
    assert "left out; if these are embeddings" in " ".join(lines)
    assert (report.taken[0].kept, report.taken[0].left_out) == (["year"], ["emb"])
    # Later rows may have none, and still no column is made of them.
    report, _ = take(tmp_path, [*data, *rows(1, 3, year=1, emb=None)])
    assert (report.skipped, report.added, columns(tmp_path)) == (3, 1, {"year"})
    # Asked for, it is kept as text.
    report, _ = take(tmp_path, data, skip_fields="")
    assert (report.changed, columns(tmp_path)) == (3, {"year", "emb"})
    assert json.loads(read(tmp_path)[-1]["emb"]) == NUMBERS
    # A column that is there goes on.
    report, lines = take(tmp_path, data)
    assert (report.skipped, "is kept as text" in " ".join(lines)) == (3, True)


def test_numbers_are_kept_where_the_options_name_them(tmp_path: Path) -> None:
    report, _ = take(tmp_path, rows(2, year=1, emb=NUMBERS), fields=["emb"])
    assert (report.taken[0].kept, report.taken[0].left_out) == (["emb"], ["year"])


def test_short_and_whole_numbers_are_no_embeddings(tmp_path: Path) -> None:
    report, _ = take(tmp_path, rows(2, box=[1.5, 2.5], tokens=list(range(20))))
    assert report.taken[0].kept == ["box", "tokens"]


def test_a_parquet_column_of_lists_that_is_left_out_is_named(tmp_path: Path) -> None:
    data = {"id": ["a", "b"], "text": ["x", "y"], "emb": pa.array([NUMBERS] * 2, pa.list_(pa.float32(), 8))}
    pq.write_table(pa.table({**data, "v": [[1.0, 0.0]] * 2}), tmp_path / "a.parquet")
    for _ in range(2):
        report, _ = take(tmp_path / "db", tmp_path / "a.parquet")
        assert (report.taken[0].kept, report.taken[0].left_out) == ([], ["emb"])
    assert (report.skipped, columns(tmp_path / "db")) == (2, set())


def with_empty(kind: str, folder: Path) -> Any:
    """Return a source of three rows with vectors, two of them without a text."""
    texts = ["A text.", "", None]
    data = [{"id": str(i), "text": text, "v": [1.0, float(i)]} for i, text in enumerate(texts)]
    if kind == "dicts":
        return data
    table = pa.table({name: [row[name] for row in data] for name in ("id", "text", "v")})
    if kind == "arrow table":
        return table
    path = folder / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in data))
    elif kind == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(os.fspath(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize("kind", ["dicts", "arrow table", "jsonl", "parquet", "arrow"])
def test_an_empty_text_with_a_vector_is_rejected_unless_asked_for(kind: str, tmp_path: Path) -> None:
    for dry_run in (True, False):
        report, lines = take(tmp_path / "db", with_empty(kind, tmp_path), dry_run=dry_run)
        assert (report.read, report.added, report.rejected) == (3, 1, 2)
        assert report.reject_reasons == {"empty text next to a vector": 2}
        assert lines[-1] == "2 rows have a vector and no text; to take such rows: allow_empty=True"
    report, _ = take(tmp_path / "db", with_empty(kind, tmp_path), allow_empty=True)
    assert (report.added, report.skipped, report.rejected) == (2, 1, 0)
    assert sorted((row["id"], row["text"]) for row in read(tmp_path / "db")) == [
        ("0", "A text."),
        ("1", ""),
        ("2", ""),
    ]
    assert vecindex.open(tmp_path / "db").status(rejects=True).rejects == []


def test_empty_texts_next_to_a_file_of_vectors(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    (tmp_path / "a.csv").write_text("id,text\na,one\nb,\nc,three\n")
    own = [
        "--vectors",
        str(tmp_path / "v.npy"),
        "--model",
        "nobody/none",
        "--unverified",
        "--db",
        str(tmp_path / "db"),
    ]
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "a.csv"), *own])
    assert (done.exit_code, "1 row has a vector and no text; to take such rows: --allow-empty" in done.stderr) == (
        6,
        True,
    )
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "a.csv"), "--allow-empty", *own])
    assert (done.exit_code, "1 added, 0 changed, 2 unchanged, 0 rejected" in done.stderr) == (0, True)


def test_vectors_without_any_text_have_to_be_asked_for(tmp_path: Path) -> None:
    data = [{"id": "a", "v": [1.0, 0.5]}]
    with pytest.raises(SourceError, match=r"(?s)no field is recognized as the text, .*allow_empty=True"):
        take(tmp_path, data)
    assert take(tmp_path, data, allow_empty=True)[0].added == 1


def test_what_orders_versions_survives_a_run_that_does_not_name_it(tmp_path: Path) -> None:
    row = {"id": "0", "text": "version 5", "age": 5, "x": "k", "y": "z", "v": [1.0, 0.0]}
    take(tmp_path, [row], newer="age", fields="x")
    report, _ = take(tmp_path, [row])
    assert (report.skipped, report.changed, columns(tmp_path)) == (1, 0, {"age", "x"})
    report, _ = take(tmp_path, [{**row, "text": "version 2", "age": 2}], newer="age")
    assert (report.older, report.changed) == (1, 0)
    assert [(one["text"], one["age"]) for one in read(tmp_path)] == [("version 5", 5)]


def test_the_choice_is_that_of_the_run_that_was_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = rows(3, year=1, x="keep")
    take(tmp_path, data, skip_fields="x")
    writer = Database.writer
    others: list[Any] = [lambda: take(tmp_path, data, skip_fields="")]

    def late(self: Database, *how: Any) -> Any:
        # Another run has the lock until just before this one.
        if others:
            others.pop()()
        return writer(self, *how)

    monkeypatch.setattr(Database, "writer", late)
    report, _ = take(tmp_path, data)
    assert (report.skipped, report.changed) == (3, 0)
    assert [row["x"] for row in read(tmp_path)] == ["keep"] * 3
    assert Database(tmp_path).articles("articles").setting("fields") == {"fields": None, "skip_fields": []}


def test_choices_that_grow_while_columns_are_added_end_no_run(tmp_path: Path) -> None:
    """Every file has a column and an embedding of its own, so that each transaction changes both."""
    folder = tmp_path / "files"
    folder.mkdir()
    n_files, n_rows = 40, 30
    for i in range(n_files):
        lines = [{**row, f"c{i}": 1, f"emb{i}": NUMBERS} for row in rows(n_rows, i * n_rows)]
        (folder / f"{i:02}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    # Embeddings are seen in the rows that settle a source: the first ones of each file.
    report, _ = take(tmp_path / "db", folder, transaction_rows=n_rows)
    assert (report.added, report.transactions) == (n_files * n_rows, n_files)
    stored = Database(tmp_path / "db").articles("articles").setting("fields")
    assert stored == {"fields": None, "skip_fields": sorted(f"emb{i}" for i in range(n_files))}


def test_the_choice_is_stored_by_the_thread_that_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: dict[str, set[int]] = {"setting": set(), "rows": set()}
    set_setting, append = ArticleTable.set_setting, ArticleTable.append

    def setting(self: ArticleTable, **values: Any) -> None:
        if "fields" in values:
            threads["setting"].add(threading.get_ident())
        set_setting(self, **values)

    def appended(self: ArticleTable, data: Any) -> None:
        threads["rows"].add(threading.get_ident())
        append(self, data)

    monkeypatch.setattr(ArticleTable, "set_setting", setting)
    monkeypatch.setattr(ArticleTable, "append", appended)
    take(tmp_path, rows(3, note="n"), skip_fields="note")
    assert len(threads["rows"]) == 1
    assert threads["setting"] == threads["rows"]


@pytest.mark.parametrize("how", [{"text_template": "{text} {tags}"}, {"text_field": "tags"}])
def test_a_list_that_is_not_kept_is_read_where_it_is_embedded(how: dict[str, Any], tmp_path: Path) -> None:
    texts = ["one", "two"]
    table = pa.table({"id": ["a", "b"], "text": texts, "tags": [["x", "y"], ["z"]]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    hashes = []
    for name in ("a.parquet", "a.jsonl"):
        folder = tmp_path / f"db_{name}"
        report = vecindex.open(folder).ingest(tmp_path / name, skip_fields="tags", **how)
        assert (report.added, report.rejected, "tags" in columns(folder)) == (2, 0, False)
        hashes.append([row["content_hash"] for row in read(folder)])
    assert hashes[0] == hashes[1]


def test_a_name_in_a_list_may_have_a_comma(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"last, first": "A", "year": 1, "note": "n"}
    data = rows(2, **fields)
    report, _ = take(tmp_path / "list", data, fields=["last, first"])
    assert report.taken[0].kept == ["last, first"]
    report, _ = take(tmp_path / "text", data, fields="year, note")
    assert report.taken[0].kept == ["year", "note"]


def test_names_that_were_not_always_known_change_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = [{"id": "a", "description": "one", "Full Text": "all of it", "display_name": "A", "v": [1.0, 0.0]}]
    earlier = fieldmap.TITLE_NAMES[: fieldmap.TITLE_NAMES.index("article_title")]
    with monkeypatch.context() as before:
        before.setattr(fieldmap, "TITLE_NAMES", earlier)
        take(tmp_path / "old", data)
    for _ in range(2):
        report, _ = take(tmp_path / "old", data)
        assert (report.taken[0].text, report.taken[0].title) == ("description", None)
        assert (report.skipped, report.changed) == (1, 0)
    # New tables take them, and go on taking them.
    for n_skipped in (0, 1):
        report, _ = take(tmp_path / "new", data)
        assert (report.taken[0].title, report.skipped, report.changed) == ("display_name", n_skipped, 0)


@pytest.mark.parametrize("flags", [["--fields", "year,note"], ["--fields", "year", "--fields", "note"]])
def test_names_on_the_command_line_are_divided_by_commas(flags: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(2, year=1, note="n", other="o")))
    own = ["--db", str(tmp_path / "db"), "--model", "nobody/none", "--vector-field", "v", "--unverified"]
    done = CliRunner().invoke(app, ["ingest", str(path), *flags, *own])
    assert (done.exit_code, columns(tmp_path / "db")) == (0, {"year", "note"})
