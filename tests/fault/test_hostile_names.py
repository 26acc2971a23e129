"""Hostile conditions, ids and names, and values of wrong kinds, given to the Python interface."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import vecindex
from hostile import TEXTS, VALUES, amounts, check_refusal, try_all
from planted import make_table, put_map
from vecindex.errors import VecindexError
from vecindex.options import fields_of
from vecindex.verbs.export.options import ExportOptions
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.project.options import ProjectOptions
from vecindex.verbs.search.options import SearchOptions
from vecindex.verbs.upkeep.options import (
    DeleteOptions,
    DoctorOptions,
    OptimizeOptions,
    StatusOptions,
    TagOptions,
)

N = 24


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 24 articles with fields, a map and a tag."""
    folder = tmp_path_factory.mktemp("hostile") / "db"
    vectors = np.random.default_rng(3).normal(size=(N, 6)).astype(np.float32)
    ids = [f"a{i}" for i in range(N - 3)] + ["it's", "a#1", "ünï"]
    make_table(folder, vectors, ids, {"topic": ["cells", "stars"] * (N // 2), "Year": [str(i) for i in range(N)]})
    put_map(folder, "map", ids, vectors[:, :2].astype(np.float64))
    vecindex.open(folder).tag("first")
    return folder


def refused(call: Callable[[], Any], codes: tuple[int, ...] = (2, 3, 4, 5, 7)) -> Any:
    """Return what a call gives, None where it is refused in one of our words."""
    try:
        return call()
    except VecindexError as error:
        check_refusal(error, codes)
        return None


# -- conditions ---------------------------------------------------------------------------------------------

# Not repeat, lpad, rpad and space, which make much of little: what serve does about them is tested with it.
_WORDS = (
    "id title text topic Year year n_tokens truncated vector vector_hash ingested_at map_x txn no_such "
    "_rowid _rowaddr = != <> < > <= >= + - * / % AND OR NOT IS NULL IN LIKE ILIKE BETWEEN CASE WHEN THEN "
    "ELSE END EXISTS SELECT FROM articles CAST AS INT STRING DATE TIMESTAMP BLOB ARRAY INTERVAL ( ) [ ] { } "
    ", ; . : :: -- /* */ ' \" ` ? $1 @ # ~ ^ & | || 'cells' 'it''s' '%' 'a_' '(' x'00' 1 0 -1 1.5 1e999 "
    "9223372036854775808 true false now() random() length(text) lower( sqrt( regexp_match( date_trunc( "
    "array_has( count(*) sum(n_tokens) row_number() OVER coalesce( nullif( to_timestamp( substr( strpos( "
    "chr( md5( arrow_cast( vector[0] vector[1] struct( make_array( {fn ANY ALL ESCAPE COLLATE \x00 \u2028 "
    "\ud800 \U0001f600 1/0 2147483648*2147483648 n_tokens/0 id=id true) (true"
)
WORKING = (
    "n_tokens > 3",
    "topic = 'cells'",
    "id IN ('a1', 'it''s')",
    "title IS NOT NULL AND map_x < 0.5",
    "ingested_at > timestamp '2020-01-01 00:00:00'",
    "length(text) % 2 = 0",
)
CONDITIONS = st.one_of(
    st.lists(st.sampled_from(_WORDS.split(" ")), max_size=7).map(" ".join),
    st.tuples(st.sampled_from(WORKING), st.integers(0, 60), st.sampled_from(_WORDS.split(" "))).map(
        lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]
    ),
    st.tuples(
        st.sampled_from(WORKING),
        st.sampled_from(["AND", "OR", "AND NOT", ";", ","]),
        st.sampled_from(_WORDS.split(" ")),
    ).map(" ".join),
    TEXTS,
)


@pytest.mark.parametrize("cases", amounts(some=40, share=0.1))
def test_a_hostile_condition_selects_rows_or_is_refused(cases: int, database: Path, tmp_path: Path) -> None:
    index = vecindex.open(database)

    def check(case: tuple[str, str]) -> None:
        where, verb = case
        if verb == "vectors":
            found = refused(lambda: index.vectors(where=where).read_all(), (2,))
            assert found is None or found.num_rows <= N
        elif verb == "search":
            hits = refused(lambda: index.search(id="a0", where=where), (2,))
            assert hits is None or len(hits.hits) < N
        elif verb == "delete":
            plan = refused(lambda: index.delete(where=where, dry_run=True), (2,))
            assert plan is None or (plan.deleted == 0 and plan.articles <= N)
        else:
            report = refused(lambda: index.export(tmp_path / "out.jsonl", where=where, **replacing()), (2,))
            assert report is None or report.rows <= N

    verbs = st.sampled_from(["vectors", "search", "delete", "export"])
    try_all("conditions", cases, st.tuples(CONDITIONS, verbs), check)


def replacing() -> dict[str, Any]:
    """Return the option that lets an export replace a file."""
    return {"replace": True} if "replace" in fields_of(ExportOptions) else {}


# -- ids and names ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cases", amounts(some=60, share=0.08))
def test_a_hostile_id_is_not_found_or_refused(cases: int, database: Path) -> None:
    index = vecindex.open(database)

    def check(case: tuple[str, list[Any]]) -> None:
        verb, ids = case
        if verb == "delete":
            plan = refused(lambda: index.delete(*ids, dry_run=True), (2,))
            assert plan is None or plan.articles + len(plan.not_found) == len(set(map(str, ids)))
        else:
            refused(lambda: index.search(id=ids if verb == "several" else (ids or [""])[0], k=1), (2,))

    verbs = st.sampled_from(["delete", "several", "one"])
    try_all("ids", cases, st.tuples(verbs, st.lists(st.one_of(TEXTS, VALUES), max_size=3)), check)


@pytest.mark.parametrize("cases", amounts(some=60, share=0.06))
def test_a_hostile_name_of_a_map_a_tag_or_a_table_is_refused(cases: int, database: Path, tmp_path: Path) -> None:
    index = vecindex.open(database)
    folders = sorted(path.name for path in database.iterdir())
    calls: dict[str, Callable[[Any], Any]] = {
        "table": lambda name: vecindex.open(database, name).status(),
        "table of a condition": lambda name: vecindex.open(database, name).delete(where="true", dry_run=True),
        "database": lambda name: vecindex.open(tmp_path / "no" / str(name)).status(),
        "map": lambda name: index.positions(name),
        "drop": lambda name: index.project("none" if name in (None, "map") else name, drop=True),
        "update": lambda name: index.project(name, update=True) if name not in (None, "map") else None,
        "picture": lambda name: index.map(map=name, topics=0),
        "at": lambda name: index.search(id="a0", at=name),
        "status at": lambda name: index.status(at=name),
        "vectors at": lambda name: index.vectors(at=name),
        "tag": lambda name: index.tag(name, delete=True) if name not in (None, "first") else None,
        "move": lambda name: index.tag(name, move=True) if not isinstance(name, str) else None,
        "columns": lambda name: index.export(tmp_path / "o.jsonl", columns=name, **replacing()),
        "columns of a list": lambda name: index.export(tmp_path / "o.jsonl", columns=[name, name], **replacing()),
        "topic field": lambda name: index.overlap(["a b"], topic_field=name),
        "color": lambda name: index.map(color=name, topics=0),
        "fields": lambda name: index.map(fields=[name], topics=0),
    }

    def check(case: tuple[str, Any]) -> None:
        call, name = case
        refused(lambda: calls[call](name))
        assert sorted(path.name for path in database.iterdir()) == folders

    names = st.one_of(TEXTS, TEXTS, VALUES)
    try_all("names", cases, st.tuples(st.sampled_from(sorted(calls)), names), check)


# -- values of options --------------------------------------------------------------------------------------

VERBS: dict[str, tuple[Any, list[Any]]] = {
    "search": (SearchOptions, ["a0"]),
    "overlap": (OverlapOptions, [["how do cells divide"]]),
    "project": (ProjectOptions, ["other"]),
    "map": (MapOptions, []),
    "export": (ExportOptions, ["-"]),
    "status": (StatusOptions, []),
    "delete": (DeleteOptions, ["a0"]),
    "optimize": (OptimizeOptions, []),
    "tag": (TagOptions, ["second"]),
    "doctor": (DoctorOptions, []),
    "ingest": (IngestOptions, [[{"id": "a0", "text": "x", "vector": [1.0, 0, 0, 0, 0, 0]}]]),
}
# Each of these goes on to long or lasting work where its value is right; the others end early.
_LEFT_OUT = {"trust_remote_code", "repair", "model"}  # the folder of a model is looked through whole: "/" is long


@pytest.mark.parametrize("cases", amounts(some=60, share=0.05))
def test_a_hostile_value_of_an_option_is_refused(cases: int, database: Path) -> None:
    """`VecindexError` alone, whatever the value and its kind; TypeError for a call that has no such form."""
    index = vecindex.open(database)

    @st.composite
    def calls(draw: Callable[..., Any]) -> tuple[str, list[Any], dict[str, Any]]:
        verb = draw(st.sampled_from(sorted(VERBS)))
        kind, positional = VERBS[verb]
        names = sorted({*fields_of(kind), "nothing"} - _LEFT_OUT)
        options = draw(st.dictionaries(st.sampled_from(names), VALUES, min_size=1, max_size=2))
        given = positional if draw(st.booleans()) else [draw(VALUES) for _ in positional]
        return verb, given, options

    def check(case: tuple[str, list[Any], dict[str, Any]]) -> None:
        verb, positional, options = case
        fixed: dict[str, Any] = {"delete": {"dry_run": True}, "ingest": {"dry_run": True}}.get(verb, {})
        if verb == "project":
            fixed = {"drop": True} if "drop" not in options else {"update": True}
        if verb == "tag":
            fixed = {"delete": True}
        method = getattr(index, verb)
        assert inspect.ismethod(method)
        refused(lambda: method(*positional, **{**options, **fixed}))

    try_all("values of options", cases, calls(), check)
