"""Values of other kinds than an argument declares, and names that no file can have: each is one message."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from planted import make_table
from vecindex.errors import ConfigError, SourceError, TableNotFoundError, VecindexError
from vecindex.index import Index
from vecindex.options import expected, fits
from vecindex.plugins import UnknownNameError
from vecindex.sources.open import open_sources
from vecindex.verbs.questions.reader import read


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Four articles."""
    folder = tmp_path_factory.mktemp("kinds") / "db"
    make_table(folder, np.eye(4, dtype=np.float32))
    return vecindex.open(folder)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda i: i.delete(["a00000"]), "ids= is several in a list, found (['a00000'],) (tuple)."),
        (lambda i: i.delete(5), "ids= is several in a list, found (5,) (tuple)."),
        (lambda i: i.search(5), "query= is a text or several in a list, found 5 (int)."),
        (lambda i: i.search(id=True), "id= is a text or several in a list, found True (bool)."),
        (lambda i: i.search("x", k="7"), "k= is a whole number, found '7' (str)."),
        (lambda i: i.search("x", where=["a"]), "where= is a text, found ['a'] (list)."),
        (lambda i: i.search("x", k=10**30), "k= is a whole number, found 1000000000000000000000000000000 (int)."),
        (lambda i: i.tag(["t"]), "name= is a text, found ['t'] (list)."),
        (lambda i: i.positions({}), "map= is a text, found {} (dict)."),
        (lambda i: i.vectors(at=1), "at= is a text, found 1 (int)."),
        (lambda i: i.map(fields=[None]), "fields= is several in a list, found [None] (list)."),
        (lambda i: i.project(b"map"), "name= is a text, found b'map' (bytes)."),
        (lambda i: i.overlap(5), "questions= is a text or a path or several in a list, found 5 (int)."),
        (lambda i: i.export(None), "out= is a text or a path, found None (NoneType)."),
        (lambda i: vecindex.open(5), "database= is a text or a path, found 5 (int)."),
        (lambda i: vecindex.open("db", None), "table= is a text, found None (NoneType)."),
    ],
)
def test_a_value_of_another_kind_is_refused(index: Index, call: Callable[[Index], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        call(index)


def test_what_other_libraries_give_is_taken(index: Index) -> None:
    assert expected("k", np.int64(3), int) == 3
    assert type(expected("k", np.int64(3), int)) is int
    assert fits(np.float32(0.5), float)
    assert fits(np.array(["a", "b"]), list[str])
    assert not fits({"a": 1}, list[str])
    assert index.delete("a00000", dry_run=True).articles == 1


def test_a_name_that_no_file_can_have_is_not_there(tmp_path: Path) -> None:
    name = "x" * 5_000
    with pytest.raises(SourceError, match="no such file or folder"):
        open_sources([name])
    with pytest.raises(VecindexError, match="cannot be opened"):
        read(name)
    with pytest.raises(ConfigError, match="cannot be a database folder: no file can have this name"):
        vecindex.open(tmp_path / name).status()
    with pytest.raises(TableNotFoundError):
        vecindex.open("~nobody-of-this-name/db").status()


def test_a_slip_in_a_name_is_suggested(index: Index, tmp_path: Path) -> None:
    (tmp_path / "corpus.jsonl").write_text("")
    with pytest.raises(SourceError, match=r"corups\.jsonl: no such file or folder\nIs it corpus\.jsonl\? Check"):
        open_sources([tmp_path / "corups.jsonl"])
    with pytest.raises(SourceError, match=r"no such file\nIs it corpus\.jsonl\? "):
        read(tmp_path / "corpus.json")
    with pytest.raises(UnknownNameError, match=r"unknown map method 'tsen'\nIs it tsne\? Known map methods: local,"):
        index.project(method="tsen")
    with pytest.raises(ConfigError, match=r"by= is article or chunk, found 'articel'\.\nIs it article\?"):
        index.search("x", by="articel")  # type: ignore[arg-type]
