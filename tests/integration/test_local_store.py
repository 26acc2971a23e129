"""Reads of a local table by Lance alone: the answers of LanceDB, without importing it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tables import append, filled, make_table, unit_vectors
from vecindex.core.limits import Limit
from vecindex.core.vectors import F32
from vecindex.errors import StoreError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.local import LocalTable
from vecindex.store.search import by_fulltext, check_condition, make_fulltext_index, nearest

COLUMNS = ["id", "title", "year"]


def several_fragments(folder: Path, half: bool) -> ArticleTable:
    """Return a table of 600 rows in three fragments, a tenth of which are deleted, some vectors twice."""
    like = make_table(folder / "spare")
    database = Database(folder / "db")
    table = database.create_articles("articles", like.fingerprint, like.extra_columns, half=half)
    vectors = unit_vectors(600)
    vectors[550:] = vectors[:50]
    for at in range(0, 600, 200):
        ids = [f"a{i:05d}" for i in range(at, at + 200)]
        append(table, vectors[at : at + 200], ids=ids, year=range(at, at + 200))
    table.delete("year % 10 = 3")
    return database.articles("articles")


def with_lancedb(table: ArticleTable, queries: F32, limit: int, where: str | None) -> list[list[tuple]]:
    """Return (id, dist, year) of the nearest rows as LanceDB finds them, in the order of (dist, id)."""
    handle = Database(Path(table.where).parent).connection.open_table("articles")
    answers = []
    for query in queries:
        search = handle.search(query, vector_column_name="vector").distance_type("cosine").bypass_vector_index()
        search = search.where(where) if where else search
        rows = search.select([*COLUMNS, "_distance"]).limit(limit).to_list()
        answers.append(sorted((max(0.0, row["_distance"]), row["id"], row["year"]) for row in rows))
    return answers


@pytest.mark.parametrize("half", [False, True], ids=["float32", "float16"])
@pytest.mark.parametrize("where", [None, "year > 250 AND \"topic\" = 'odd'", "year < 0"])
@pytest.mark.parametrize("asked", [1, 7])
def test_nearest_rows_are_those_of_lancedb(tmp_path: Path, half: bool, where: str | None, asked: int) -> None:
    table = several_fragments(tmp_path, half)
    assert isinstance(table.lance, LocalTable)
    queries = unit_vectors(7, seed=5)[:asked]
    expected = with_lancedb(table, queries, 9, where)
    found = nearest(table, queries, 9, COLUMNS, where)
    with Limit(600).holding():  # a request with a limit goes through LanceDB
        limited = nearest(table, queries, 9, COLUMNS, where)
    assert [len(one.rows) for one in found] == [0 if where == "year < 0" else 9] * asked
    for answers in (found, limited):
        for one, others in zip(answers, expected, strict=True):
            assert [(f.row["id"], f.row["year"]) for f in one.rows] == [row[1:] for row in others]
            # Measured again in float64; of float16 LanceDB rounds the query too.
            assert [f.dist for f in one.rows] == pytest.approx([row[0] for row in others], abs=1e-3 if half else 1e-6)


@pytest.mark.parametrize("where", [None, "year < 1950"])
def test_rows_by_words_are_those_of_lancedb(tmp_path: Path, where: str | None) -> None:
    table, _ = filled(tmp_path)
    make_fulltext_index(table)
    more = unit_vectors(3, seed=9)
    append(table, more, ids=["b0", "b1", "b2"], text=["rare", "rare word", "words"], year=[1, 2, 3], txn=2)
    found = by_fulltext(table, "a00017 rare word", 20, COLUMNS, where)
    assert {"b0", "b1", "a00017"} <= {f.row["id"] for f in found}
    with Limit(600).holding():
        assert by_fulltext(table, "a00017 rare word", 20, COLUMNS, where) == found


def test_reads_follow_the_commits_of_others_until_a_version_is_chosen(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    reader, writer = (Database(tmp_path).articles("articles") for _ in range(2))
    assert reader.count() == 20
    before = reader.version
    writer.delete("year = 1900")
    assert (reader.count(), reader.version) == (19, before + 1)
    writer.put_tag("then", before)
    assert reader.tags() == {"then": before}
    assert {number: rows for number, (rows, _) in reader.versions().items()}[before] == 20
    reader.go_to("then")
    writer.delete("year = 1901")
    assert (reader.count(), reader.version, reader.lance.to_lance().count_rows()) == (20, before, 20)
    with pytest.raises(StoreError, match="cannot be modified when a specific version is checked out"):
        reader.delete("year = 1902")
    reader.lance.checkout_latest()
    assert reader.count() == 18
    assert reader.delete("year = 1902") == 1


@pytest.mark.parametrize("condition", ["\"topic\" = 'odd'", "`topic` = 'odd'", "Topic = 'odd'"])
def test_a_quoted_name_is_a_name_wherever_a_condition_is_read(tmp_path: Path, condition: str) -> None:
    table, vectors = filled(tmp_path, 10)
    odd = [f"a{i:05d}" for i in range(1, 10, 2)]
    check_condition(table, condition)
    assert table.count(condition) == 5
    assert [i for batch in table.scan_where(["id"], condition) for i in batch.column(0).to_pylist()] == odd
    assert [i for batch in table.scan(["id"], condition) for i in batch.column(0).to_pylist()] == odd
    assert table.vectors(condition)[0] == odd
    assert sorted(f.row["id"] for f in nearest(table, vectors[:1], 9, ["id"], condition)[0].rows) == odd
    assert table.delete(condition) == 5


def test_what_a_caller_does_with_its_dataset_stays_there(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    table = Database(tmp_path).articles("articles")
    mine = table.lance.to_lance()
    mine.delete("year < 1905")
    assert (mine.count_rows(), table.count()) == (15, 15)
    table.lance.checkout(table.version)
    mine.delete("year < 1910")
    assert (mine.count_rows(), table.count()) == (10, 15)


def test_threads_read_one_table_while_it_is_written(tmp_path: Path) -> None:
    filled(tmp_path, 50)
    reader, writer = (Database(tmp_path).articles("articles") for _ in range(2))
    done = threading.Event()

    def read() -> set[int]:
        counts = set()
        while not done.is_set():
            counts.add(len(nearest(reader, unit_vectors(1), 60, ["id"])[0].rows))
            assert "title" in reader.schema.names
        return counts

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for year in range(1900, 1920):
                writer.delete(f"year = {year}")
        finally:
            done.set()
        seen = set.union(*(one.result() for one in readers))
    assert seen <= set(range(30, 51))
    assert reader.count() == 30


QUIET = """
import runpy, sys
sys.argv = ["vecindex", *sys.argv[1:]]
try:
    runpy.run_module("vecindex.cli.app", run_name="__main__")
finally:
    print(*sorted({"lancedb", "pandas", "torch", "transformers", "sklearn"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["search", "how do tissues get rid of damaged cells", "--where", "topic = 'cell biology'"],
        ["search", "--id", "{id}"],
        ["export", "{folder}/rows.jsonl"],
    ],
    ids=lambda words: words[0],
)
def test_commands_that_read_load_no_more_than_they_need(sample_db: Path, tmp_path: Path, words: list[str]) -> None:
    first = Database(sample_db).articles("articles").scan(["id"])
    values = {"id": next(first).column(0)[0].as_py(), "folder": str(tmp_path)}
    command = [sys.executable, "-c", QUIET, *(word.format(**values) for word in words), "--db", str(sample_db)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == ""


def test_a_new_table_in_place_of_none_is_made_without_a_word(tmp_path: Path) -> None:
    """Lance itself warns on stderr of a Python process where there is nothing to overwrite."""
    code = (
        "import sys, pyarrow as pa\n"
        "from pathlib import Path\n"
        "from vecindex.store.database import Database\n"
        "tables = Database(Path(sys.argv[1]))\n"
        "for n in (1, 2):\n"
        "    print(tables.create_table('t', pa.table({'a': [n] * n}), overwrite=True).count_rows())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "db")]
    environment = os.environ | {"LANCE_LOG": "warn"}  # as it is without the tests' own setting
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("1\n2\n", "")
