"""Everything that writes to a database, each on a small table of ready-made vectors, and what such a database holds.

`python tests/writing.py watched|killed DESCRIPTOR` does them in other processes, as it is told to over a socket.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import vecindex
from crashes import listen
from planted import put_map
from vecindex.core.vectors import F32, normalize
from vecindex.errors import TableNotFoundError
from vecindex.store.database import AuxiliaryTable, Database
from vecindex.store.maps import columns_and_positions, maps
from vecindex.store.questions import QuestionTable
from vecindex.store.rejects import RejectTable
from vecindex.verbs.questions.model import QuestionModel

D = 8
QUESTIONS = [f"question {i}?" for i in range(6)]
FORMAT_1 = Path(__file__).resolve().parent / "databases" / "format-1.tar.gz"
QUICK = {"early_iterations": 5, "iterations": 5, "finish_iterations": 5}
BAD = {"id": "bad", "text": "", "v": [0.0] * D}


def planted_vector(text: str) -> F32:
    """Return a unit vector (D,) that belongs to a text."""
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    vector: F32 = normalize(np.random.default_rng(seed).normal(size=(1, D)).astype(np.float32))[0]
    return vector


def know_questions() -> None:
    """Let questions have planted vectors from now on, in this process, so that no model is loaded."""
    QuestionModel.embed = lambda _, texts, *__: np.stack([planted_vector(t) for t in texts])  # type: ignore[method-assign]
    QuestionModel.query_prompt = lambda *_: ""  # type: ignore[method-assign]


def article(number: int, version: int = 0) -> dict[str, Any]:
    """Return a record; another version has another text and another vector."""
    text = f"article {number} on cells, version {version}"
    return {"id": f"a{number:03d}", "text": text, "year": 1900 + number, "v": planted_vector(text)}


def ingest(folder: Path, rows: Sequence[dict[str, Any]], **options: Any) -> None:
    vecindex.open(folder).ingest(
        rows, vector_field="v", model="test/none", unverified=True, transaction_rows=10, name="rows", **options
    )


def make_base(folder: Path) -> None:
    """Make a table as use leaves it: several transactions, a reject, deletions, a tag, a planted map, questions."""
    numbers = range(36)
    ingest(folder, [*(article(n) for n in numbers), BAD])
    index = vecindex.open(folder)
    index.delete("a001", "a017")
    index.tag("kept")
    ids = [f"a{n:03d}" for n in numbers if n not in (1, 17)]
    put_map(folder, "map", ids, np.random.default_rng(1).normal(size=(len(ids), 2)))
    index.project("drawn", method="pca")
    index.overlap(QUESTIONS[:2], k=3)


def drop(folder: Path) -> None:
    """Ingest what changed: new versions of some rows, an old one, and deletions of three, one of them not there."""
    rows = [article(n, 1) | {"year": 2100} for n in range(20, 30)] + [article(2, 1) | {"year": 1}]
    gone = [{"id": id, "year": 2100, "gone": True} for id in ("a003", "a030", "never")]
    ingest(folder, [*rows, *gone], newer="year", deleted_field="gone")


def with_more(folder: Path) -> None:
    make_base(folder)
    ingest(folder, [article(n) for n in range(36, 44)])


def with_a_map_to_anchor(folder: Path) -> None:
    make_base(folder)
    vecindex.open(folder).project("laid", settings=QUICK)


def with_text_index(folder: Path) -> None:
    with_more(folder)
    vecindex.open(folder).search("cells", hybrid=True, k=3)
    ingest(folder, [article(n) for n in range(44, 50)])


def with_a_lost_map_file(folder: Path) -> None:
    """Make a base whose planted map's file is gone in one fragment: what doctor puts right by giving up a map."""
    make_base(folder)
    fragment = Database(folder).articles("articles").lance.to_lance().get_fragments()[0].metadata
    (folder / "articles.lance" / "data" / fragment.files[-1].path).unlink()


def of_format_1(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(FORMAT_1) as packed:
            packed.extractall(unpacked, filter="data")
        shutil.copytree(Path(unpacked) / "db", folder, dirs_exist_ok=True)


@dataclass(frozen=True)
class Operation:
    """What is there before, and what is done to it; doing it twice is as doing it once."""

    prepare: Callable[[Path], object]
    run: Callable[[Path], object]
    in_parts: bool = False
    """Whether it commits several times, so that a part of it may be there."""
    readable: bool = True
    """Whether what is there before can be read."""


def _at(folder: Path) -> vecindex.Index:
    return vecindex.open(folder)


OPERATIONS: dict[str, Operation] = {
    "first ingest": Operation(
        lambda folder: None, lambda folder: ingest(folder, [*(article(n) for n in range(25)), BAD]), True
    ),
    "append": Operation(make_base, lambda folder: ingest(folder, [article(n) for n in range(30, 60)]), True),
    "change": Operation(make_base, lambda folder: ingest(folder, [article(n, 1) for n in range(20, 36)]), True),
    "prune": Operation(make_base, lambda folder: ingest(folder, [article(n) for n in range(12)], prune=True), True),
    "drop": Operation(make_base, drop, True),
    "delete": Operation(make_base, lambda folder: _at(folder).delete("a003", "a030", "a031"), True),
    "project": Operation(make_base, lambda folder: _at(folder).project("new", method="pca", fresh=True)),
    "replace a map": Operation(make_base, lambda folder: _at(folder).project("map", method="pca", fresh=True)),
    "update a map": Operation(with_more, lambda folder: _at(folder).project("drawn", update=True)),
    "drop a map": Operation(
        make_base,
        lambda folder: "map" not in vecindex.open(folder).status().maps or _at(folder).project("map", drop=True),
    ),
    "anchor": Operation(
        with_a_map_to_anchor,
        lambda folder: _at(folder).project(
            "pulled", anchor=True, base="laid", controls=False, questions=asked(folder), settings={"sweeps": 2}
        ),
    ),
    "overlap": Operation(make_base, lambda folder: _at(folder).overlap(QUESTIONS, k=3)),
    "map page": Operation(
        make_base,
        lambda folder: _at(folder).map(QUESTIONS, map="map", k=3, topics=0),
    ),
    "tag": Operation(make_base, lambda folder: _at(folder).tag("new", move=True)),
    "move a tag": Operation(with_more, lambda folder: _at(folder).tag("kept", move=True)),
    "delete a tag": Operation(
        make_base, lambda folder: "kept" not in _at(folder).status().tags or _at(folder).tag("kept", delete=True)
    ),
    "optimize": Operation(with_more, lambda folder: _at(folder).optimize(older_than="0s")),
    "index the words": Operation(with_more, lambda folder: _at(folder).search("cells", hybrid=True, k=3)),
    "index more words": Operation(with_text_index, lambda folder: _at(folder).optimize()),
    "repair": Operation(
        with_a_lost_map_file,
        lambda folder: _at(folder).doctor(repair=True, confirm=lambda _: True),
        True,
        readable=False,
    ),
    "migrate": Operation(of_format_1, lambda folder: _at(folder).optimize(older_than="0s"), True),
}


def asked(folder: Path) -> str:
    """Return a file with the questions, beside the database."""
    file = folder.parent / "asked.txt"
    file.write_text("\n".join(QUESTIONS) + "\n", encoding="utf-8")
    return str(file)


def contents(folder: Path) -> dict[str, Any]:
    """Return all that a user has in a database: rows, maps, tags, rejects, questions. An empty one has no rows.

    Asserts that no id is there twice.
    """
    database = Database(folder)
    rejects = _column(RejectTable(database), "reason")
    questions = _column(QuestionTable(database), "text")
    try:
        table = database.articles("articles")
    except TableNotFoundError:
        return {"rows": {}, "maps": {}, "tags": {}, "rejects": rejects, "questions": questions}
    names = sorted(maps(table))
    (ids,), positions = columns_and_positions(table, ["id"], names)
    placed = {
        name: {i: tuple(np.round(p, 3)) for i, p in zip(ids.to_pylist(), at, strict=True) if np.isfinite(p).all()}
        for name, at in positions.items()
    }
    tags = {name: set(rows_of(database, name)) for name in vecindex.open(folder).status().tags}
    return {"rows": rows_of(database), "maps": placed, "tags": tags, "rejects": rejects, "questions": questions}


def _column(table: AuxiliaryTable, name: str) -> list[str]:
    """Return a column of a table beside that of the articles, sorted."""
    nothing: list[str] = []
    return table._read(lambda found: sorted(found.to_arrow().column(name).to_pylist()), nothing)


def rows_of(database: Database, tag: str | None = None) -> dict[str, Any]:
    """Return text and vector of all rows by their ids, each once."""
    found: list[dict[str, Any]] = []
    for batch in database.articles("articles", tag).scan(["id", "text", "vector"]):
        found += pa.RecordBatch.to_pylist(batch)
    rows = {row["id"]: (row["text"], tuple(np.round(row["vector"], 5))) for row in found}
    assert len(rows) == len(found), "an id is there twice"
    return rows


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Assert that two contents are the same; positions to a thousandth."""
    for part in ("rows", "tags", "rejects", "questions"):
        assert found[part] == wanted[part], part
    assert set(found["maps"]) == set(wanted["maps"])
    for name, places in wanted["maps"].items():
        assert set(found["maps"][name]) == set(places)
        for row_id, place in places.items():
            np.testing.assert_allclose(found["maps"][name][row_id], place, atol=2e-3)


def check(folder: Path, before: dict[str, Any], after: dict[str, Any], in_parts: bool) -> None:
    """Assert that a reader finds what was there or what is made of it, and nothing between but whole transactions."""
    found = contents(folder)
    for part in ("rows", "tags"):
        if found[part] in (before[part], after[part]):
            continue
        assert (part, in_parts) == ("rows", True), found[part]
        for row_id, row in found[part].items():
            assert row in (before[part].get(row_id), after[part].get(row_id)), row_id
        always = {i for i, row in before[part].items() if after[part].get(i) == row}
        assert always <= set(found[part]), "rows that stay are there throughout"
    for name, places in found["maps"].items():
        sides = [side["maps"].get(name) for side in (before, after)]
        for row_id, place in places.items():
            assert any(side and np.allclose(side.get(row_id, np.nan), place, atol=2e-3) for side in sides), name
    assert {n for n in before["maps"] if n in after["maps"]} <= set(found["maps"])
    if found["rows"]:
        some = min(found["rows"])
        assert vecindex.open(folder).search(id=some, k=3).answers[0].hits


def watched(channel: socket.socket) -> None:
    """Do what each line of a channel says, NAME and FOLDER, under the eyes of `crashes.Watched`, and answer it."""
    listen(channel)
    for line in channel.makefile(encoding="utf-8"):
        name, folder = line.rstrip("\n").split("\t")
        with tempfile.TemporaryDirectory() as scratch:
            # In a copy first, so that all is imported and compiled.
            OPERATIONS[name].run(shutil.copytree(folder, Path(scratch) / "db"))
        OPERATIONS[name].run(Path(folder))
        channel.sendall(b".\n")


def killed(channel: socket.socket) -> None:
    """Do what each line says in a process of its own; tell its number, and when it has ended, how."""
    for line in channel.makefile(encoding="utf-8"):
        name, folder = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            OPERATIONS[name].run(Path(folder))
            os._exit(0)
        channel.sendall(f"{child}\n".encode())
        channel.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n".encode())


if __name__ == "__main__":
    know_questions()
    with socket.socket(fileno=int(sys.argv[2])) as told:
        {"watched": watched, "killed": killed}[sys.argv[1]](told)
