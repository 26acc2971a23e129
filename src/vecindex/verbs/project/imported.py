"""A map made elsewhere: positions from a file, or from columns of the table, become a map like any other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.errors import ConfigError, SourceError
from vecindex.masks import masked
from vecindex.messages import Placeholder, option, text
from vecindex.schema import axes_among
from vecindex.serialize import plain
from vecindex.sources.articles import read_id
from vecindex.sources.base import LeftOut, Record
from vecindex.sources.fieldmap import find_id
from vecindex.sources.open import open_sources
from vecindex.store.articles import ArticleTable
from vecindex.types import Observer, Rejected, SourceData
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.map_state import IMPORTED
from vecindex.verbs.project.options import MIN_ARTICLES
from vecindex.verbs.project.result import ImportedPositions, ProjectResult
from vecindex.verbs.project.run import Run
from vecindex.verbs.scores.scores import score_map

_EXAMPLES = 3
_FIRST_ROWS = 1_000
# float32 holds the positions; their differences need some of its range.
_MOST, _LEAST_WIDTH = 1e30, 1e-12


def import_map(run: Run, name: str, old: Any, positions: SourceData | None) -> ProjectResult:
    """Store positions from elsewhere as a map, with its scores; see `Index.project`."""
    rows = read_rows(run.table)
    if positions is None:
        found = _from_table(run.table, _named(run.options["columns"]))
    else:
        found = _from_source(positions, run.options["columns"], run.options["id_field"], run.stdin, run.observer)
    run.clock.lap("reading")
    xy, about = _assigned(found, rows)
    on_map = np.flatnonzero(np.isfinite(xy[:, 0]))
    _refuse_useless(run.table, found, xy[on_map], rows)
    xy = xy[on_map].astype(np.float32).astype(np.float64)
    vectors = rows.matrix(run.observer)[on_map]
    run.clock.lap("vectors")
    scores = score_map(vectors, xy, sample=run.options["sample"], seed=run.seed, observer=run.observer)
    run.clock.lap("scores")
    stored = run.about(rows, IMPORTED, {}, scores) | {"seed": None, "imported": _kept(about, positions)}
    written = run.write(name, rows, on_map, xy, stored, old)
    result = run.result(name, "made" if old is None else "rebuilt", stored, written)
    return replace(result, scores=scores, imported=about, rejected=tuple(found.rejected))


def _kept(found: ImportedPositions, positions: SourceData | None) -> dict[str, Any]:
    """Return what is stored of where the positions came from, so that the same can be taken again."""
    file = os.fspath(positions) if isinstance(positions, str | os.PathLike) else None
    counts = {name: value for name, value in plain(found).items() if name != "examples"}
    return {**counts, "from_table": positions is None, "file": None if file is None else masked(str(file))}


@dataclass(slots=True)
class _Reading:
    """Positions as they were read: `ids` (m,) in turn with `xy` (m, 2), NaN where it is no pair of finite numbers.

    `nameless` rows have no id.
    """

    source: str
    id: str
    columns: tuple[str, str]
    ids: list[str] = field(default_factory=list)
    xy: list[tuple[float, float]] = field(default_factory=list)
    nameless: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def _from_table(table: ArticleTable, columns: tuple[str, str]) -> _Reading:
    """Return the positions in two columns of the table's own."""
    own = {one.name for one in table.extra_columns}
    for name in columns:
        if name not in own:
            pairs = [",".join(pair) for pair in axes_among(own)]
            there = ", ".join(sorted(own)) or "none"
            raise ConfigError(
                f"{table.where} has no column {name!r} of the user's (columns there: {there}).",
                text("Name two of them: ", option("columns", pairs[0] if pairs else Placeholder("X,Y"))),
            )
    found = _Reading(f"columns of {table.where}", "id", columns)
    for batch in table.scan(["id", *columns]):
        found.ids += batch.column("id").to_pylist()
        values = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
        found.xy += [_position(*pair) for pair in values]
    return found


def _from_source(
    source: SourceData, columns: str | None, id_field: str | None, stdin: BinaryIO | None, observer: Observer
) -> _Reading:
    """Return the positions in a file or data in memory; which fields hold them is settled by the first rows."""
    named = _named(columns) if columns is not None else None
    sources = open_sources([source], text_fields=[id_field] if id_field else (), stdin=stdin, notice=observer.notice)
    names: dict[str, None] = {}
    records: list[Record] = []
    found: _Reading | None = None
    rejected: list[Rejected] = []
    where = ", ".join(one.name for one in sources[:_EXAMPLES]) + (", ..." if len(sources) > _EXAMPLES else "")

    def settle() -> _Reading:
        made = _Reading(where, *_fields(where, list(names), id_field, named), rejected=rejected)
        for record in records:
            _take(made, record)
        return made

    for one in sources:
        for item in one.read():
            if isinstance(item, Rejected):
                rejected.append(item)
            elif isinstance(item, LeftOut):
                continue
            elif found is not None:
                _take(found, item)
            else:
                names |= dict.fromkeys(item.fields)
                records.append(item)
                if len(records) == _FIRST_ROWS:
                    found = settle()
    if found is None:
        if not records:
            raise SourceError(f"{where}: no row can be read", "It needs rows with an id, an x and a y.")
        found = settle()
    return found


def _fields(
    where: str, names: Sequence[str], id_field: str | None, named: tuple[str, str] | None
) -> tuple[str, tuple[str, str]]:
    """Return the fields that hold the id and the two coordinates."""
    there = f"fields found: {', '.join(names)}"
    for name in [*([id_field] if id_field else []), *(named or ())]:
        if name not in names:
            raise SourceError(f"{where}: no field {name!r}; {there}")
    found = id_field or find_id(names)
    if found is None:
        raise SourceError(
            f"{where}: no field is recognized as the id; {there}",
            text("Positions belong to ids, not to the order of rows. Name the field: ", option("id_field")),
        )
    if named is not None:
        return found, named
    pairs = axes_among(name for name in names if name != found)
    if not pairs or (len(pairs) > 1 and pairs[0][0].lower() != "x"):
        several = ", ".join(" and ".join(pair) for pair in pairs)
        raise SourceError(
            f"{where}: " + (f"several pairs may be the position: {several}" if pairs else f"no x and y; {there}"),
            text("Name both: ", option("columns", ",".join(pairs[0]) if pairs else Placeholder("X,Y"))),
        )
    return found, pairs[0]


def _take(found: _Reading, record: Record) -> None:
    one = read_id(record.fields.get(found.id))
    if one is None:
        found.nameless += 1
        return
    found.ids.append(one)
    found.xy.append(_position(*(record.fields.get(name) for name in found.columns)))


def _position(x: Any, y: Any) -> tuple[float, float]:
    """Return a position; NaN where either is no finite number, or none that float32 holds."""
    try:
        pair = float(x), float(y)
    except (TypeError, ValueError):
        return np.nan, np.nan
    return pair if all(abs(value) < _MOST for value in pair) else (np.nan, np.nan)


def _named(columns: str | None) -> tuple[str, str]:
    """Return the two columns that are named in one text, with a comma between them."""
    parts = [part.strip() for part in (columns or "").split(",")]
    if len(parts) != 2 or not all(parts) or parts[0] == parts[1]:
        raise ConfigError(
            text(option("columns"), f" names two columns, found {columns!r}."),
            text("For example: ", option("columns", "umap_x,umap_y")),
        )
    return parts[0], parts[1]


def _assigned(found: _Reading, rows: MapRows) -> tuple[F64, ImportedPositions]:
    """Return the position of each row (n, 2), NaN for none, and what became of what was read.

    In a table of chunks an id may be an article's: then all its chunks have that position. Of an id that comes again
    the first position counts.
    """
    index: dict[str, list[int]] = {one: [at] for at, one in enumerate(rows.ids.to_pylist())}
    if rows.table.fingerprint.chunking is not None:
        for one in list(index):
            index.setdefault(one.rpartition("#")[0], []).extend(index[one])
    xy = np.full((len(rows), 2), np.nan)
    seen: set[str] = set()
    unknown, repeated, not_finite = [], [], []
    for one, position in zip(found.ids, found.xy, strict=True):
        if one not in index:
            unknown.append(one)
        elif one in seen:
            repeated.append(one)
        else:
            seen.add(one)
            if np.isnan(position[0]):
                not_finite.append(one)
            else:
                xy[index[one]] = position
    without = int(np.isnan(xy[:, 0]).sum())
    examples = {"unknown": unknown, "repeated": repeated, "not_finite": not_finite}
    return xy, ImportedPositions(
        source=found.source,
        id=found.id,
        columns=found.columns,
        rows=len(found.ids) + found.nameless + len(found.rejected),
        nameless=found.nameless,
        unknown=len(unknown),
        repeated=len(repeated),
        not_finite=len(not_finite),
        without=without,
        examples={key: tuple(ids[:_EXAMPLES]) for key, ids in examples.items() if ids},
    )


def _refuse_useless(table: ArticleTable, found: _Reading, xy: F64, rows: MapRows) -> None:
    if len(xy) < MIN_ARTICLES:
        some, own = ", ".join(found.ids[:_EXAMPLES]) or "none", ", ".join(rows.ids[:_EXAMPLES].to_pylist()) or "none"
        raise ConfigError(
            f"Of {len(found.ids):,} positions from {found.source}, {len(xy):,} belong to rows of {table.where}; "
            f"a map needs at least {MIN_ARTICLES}.",
            text(f"Ids there: {some}; ids of the table: {own}. Another field may hold them: ", option("id_field")),
        )
    if float(np.ptp(xy, axis=0).max()) < _LEAST_WIDTH:
        raise ConfigError(
            f"All {len(xy):,} positions from {found.source} are one and the same.",
            text("Name the columns that hold coordinates: ", option("columns", Placeholder("X,Y"))),
        )
