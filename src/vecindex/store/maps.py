"""The maps that are stored with a table: for each a column NAME_x and one NAME_y, null outside the map.

A table next to it keeps the positions that changed rows have lost."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.conditions import isin
from vecindex.core.neighbors import F64
from vecindex.core.texts.joined import joined, plain_chunks
from vecindex.errors import ConfigError, CorruptError, VecindexError
from vecindex.messages import Command, Message, Placeholder, command, text
from vecindex.schema import LABEL_KEY, MAP_KEY, axes_among, stored_json
from vecindex.store.articles import ArticleTable
from vecindex.store.database import FORMER_PREFIX, AuxiliaryTable
from vecindex.store.faults import translated
from vecindex.store.lock import commit_again
from vecindex.store.maintenance import KEEP_VERSIONS_FOR, clean
from vecindex.store.remote.commits import upsert

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
# No column of a user's begins with an underscore, see `schema.column_name`.
_NEXT, _LAST = "_next_", "_last_"
_AXES = ("x", "y")
_NUMBERS = ("double", "float", "halffloat", "int64")
_CACHE = 32 << 20


def maps(table: ArticleTable) -> dict[str, Any]:
    """Return what is kept with each map, under the map's name; only maps that have both columns.

    Left out are those of `damaged_maps`.
    """
    found = {}
    for name, copies in _marked(table).items():
        with suppress(CorruptError):
            found[name] = _about(table, name, copies)
    return found


def damaged_maps(table: ArticleTable) -> dict[str, CorruptError]:
    """Return the maps that have their columns, but cannot be used since what is kept with them is damaged."""
    damaged = {}
    for name, copies in _marked(table).items():
        try:
            _about(table, name, copies)
        except CorruptError as error:
            damaged[name] = error
    return damaged


def halves_differ(table: ArticleTable) -> list[str]:
    """Return the maps whose two columns do not keep the same about the map, as they were written."""
    return [name for name, copies in _marked(table).items() if copies[0] != copies[1]]


def map_columns(table: ArticleTable) -> dict[str, list[str]]:
    """Return the two columns of each map, under the map's name; damaged maps too."""
    return {name: _columns("", name) for name in _marked(table)}


def _marked(table: ArticleTable) -> dict[str, tuple[bytes, bytes]]:
    marked = {f.name: f.metadata[MAP_KEY] for f in table.schema if MAP_KEY in (f.metadata or {})}
    return {
        name[:-2]: (raw, marked[f"{name[:-2]}_y"])
        for name, raw in marked.items()
        if name.endswith("_x") and not name.startswith("_") and f"{name[:-2]}_y" in marked
    }


def _about(table: ArticleTable, name: str, copies: Sequence[bytes]) -> Any:
    """Return what is kept with a map; both its columns keep it, and one that can be read is enough."""
    what = f"What {table.where} keeps about the map {name!r}"
    again = text("Make the map again: ", command("project", name), "; or look closer: ", command("doctor"))
    with suppress(CorruptError):
        return stored_json(copies[0], what, again)
    return stored_json(copies[1], what, again)


def no_such_map(table: ArticleTable, name: str, hint: Message | None = None) -> VecindexError:
    """Return the error for a map that is not there, which names those that are, or for a damaged one."""
    damaged = damaged_maps(table).get(name)
    if damaged is not None:
        return damaged
    there = ", ".join(sorted(maps(table))) or "none"
    elsewhere = columns_of_a_map(table)
    if elsewhere is not None:
        take = command("project", columns=",".join(elsewhere))
        hint = text(
            *([hint, " "] if hint else []), "Its columns ", " and ".join(elsewhere), " may become a map: ", take
        )
    return ConfigError(f"{table.where} has no map {name!r} (maps there: {there}).", hint)


def columns_of_a_map(table: ArticleTable) -> tuple[str, str] | None:
    """Return two columns of the user's that look like the positions of a map made elsewhere, None without any."""
    pairs = axes_among(field.name for field in table.extra_columns if str(field.type) in _NUMBERS)
    return pairs[0] if pairs else None


def check_map_name(table: ArticleTable, name: str, way: Command | None = None) -> None:
    """Raise ConfigError when a map cannot have this name, or when its columns are taken by something else.

    `way` is the command that takes another name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"A map cannot be named {name!r}.",
            "Use small letters, digits and '_', a letter first, 60 characters at most: the name becomes a column's.",
        )
    wanted = _columns("", name)
    for found in table.schema:
        # An SQL condition does not distinguish columns by letter case.
        if found.name.lower() in wanted and MAP_KEY not in (found.metadata or {}):
            raise ConfigError(
                f"{table.where} has a column {found.name!r} of its own, so no map can be named {name!r}.",
                text("Choose another name: ", way or command("project", Placeholder("NAME"))),
            )


def columns_and_positions(
    table: ArticleTable, columns: Sequence[str], names: Sequence[str]
) -> tuple[list[pa.Array], dict[str, F64]]:
    """Return columns of text, and the positions on several maps (NaN outside), of all rows in table order."""
    import pyarrow as pa

    axes = [f"{name}_{axis}" for name in names for axis in _AXES]
    texts: list[list[pa.Array]] = [[] for _ in columns]
    read: list[list[F64]] = [[] for _ in axes]
    for batch in table.scan([*columns, *axes]):
        for at, column in enumerate(columns):
            texts[at].append(batch.column(column))
        for at, column in enumerate(axes):
            values = batch.column(column).cast(pa.float64())
            read[at].append(values.to_numpy(zero_copy_only=False))
    columns_read = [np.concatenate(parts) if parts else np.empty(0) for parts in read]
    positions = {name: np.stack(columns_read[2 * i : 2 * i + 2], axis=1) for i, name in enumerate(names)}
    for xy in positions.values():
        # A row with one coordinate only, or an infinite one, is not on the map.
        xy[~np.isfinite(xy).all(axis=1)] = np.nan
    return [joined(parts) for parts in texts], positions


def outside(table: ArticleTable, name: str) -> int:
    """Return how many rows are not on a map."""
    return table.count(f"{name}_x IS NULL")


# -- writing ----------------------------------------------------------------------------------------------


def put_map(table: ArticleTable, name: str, ids: pa.Array, xy: F64, about: Mapping[str, Any]) -> None:
    """Store a map in place of the one of that name, if there is one. The caller holds the writer lock.

    The coordinates are written into columns of their own next to the old ones, with the map's metadata. Then one
    commit gives these columns the map's name and takes it from the old ones. So whoever reads, and whenever the
    process is killed, finds the old map or the new one, coordinates and metadata together. What a kill leaves under
    other names is removed by the next call. Rows that are appended meanwhile are null; vectors are not written.

    Parameters
    ----------
    ids : the rows' ids; ids that the table does not hold are passed over.
    xy : (n, 2) their positions, stored as float32; NaN for a row outside the map.
    about : the metadata that `maps` returns; must be plain values.
    """
    check_map_name(table, name)
    sweep_map(table, name)
    _add_columns(table, name, about)
    _fill_columns(table, name, ids, xy)
    _swap_columns(table, name)
    sweep_map(table, name)


def put_texts(table: ArticleTable, column: str, ids: pa.Array, values: pa.Array) -> None:
    """Store labels, null for none, in a column of the rows with these ids; others keep theirs.

    The caller holds the writer lock. A column that is not there is added first, null everywhere and marked as one of
    labels; then one commit writes all texts. So readers see all of them or none. Vectors and texts of
    articles are not written.
    """
    import pyarrow as pa

    if column not in table.schema.names:
        marked = pa.field(column, pa.string(), metadata={LABEL_KEY: b"1"})
        commit_again(table.lance, table.where, lambda: table.lance.add_columns(pa.schema([marked])))
    _rewrite(table, pa.table({"id": plain_chunks(ids), column: values.cast(pa.string())}))


def drop_map(table: ArticleTable, name: str) -> None:
    """Remove a map, as one commit. The caller holds the writer lock. Raises ConfigError when there is no such map."""
    if name not in _marked(table):
        raise no_such_map(table, name)
    _drop(table, [*_columns("", name), *_left_over(table, name)])


def sweep_map(table: ArticleTable, name: str) -> None:
    """Remove what a killed writer of a map left. The caller holds the writer lock."""
    left = _left_over(table, name)
    if left:
        _drop(table, left)


def _columns(prefix: str, name: str) -> list[str]:
    return [f"{prefix}{name}_{axis}" for axis in _AXES]


def _left_over(table: ArticleTable, name: str) -> list[str]:
    there = set(table.schema.names)
    return [c for prefix in (_NEXT, _LAST) for c in _columns(prefix, name) if c in there]


def _add_columns(table: ArticleTable, name: str, about: Mapping[str, Any]) -> None:
    import pyarrow as pa

    metadata = {MAP_KEY: json.dumps(about, allow_nan=False).encode()}
    fields = pa.schema([pa.field(c, pa.float32(), metadata=metadata) for c in _columns(_NEXT, name)])
    commit_again(table.lance, table.where, lambda: table.lance.add_columns(fields))


def _fill_columns(table: ArticleTable, name: str, ids: pa.Array, xy: F64) -> None:
    import pyarrow as pa

    there = np.isfinite(xy).all(axis=1)
    keys = plain_chunks(ids.filter(pa.array(there)))
    x, y = (pa.array(xy[there, axis].astype(np.float32)) for axis in (0, 1))
    _rewrite(table, pa.table(dict(zip(["id", *_columns(_NEXT, name)], [keys, x, y], strict=True))))


def _rewrite(table: ArticleTable, rows: pa.Table) -> None:
    """Write the columns of these rows, found by their ids, as one commit."""

    def merge() -> None:
        data = table.lance.to_lance(metadata_cache_size_bytes=_CACHE, index_cache_size_bytes=_CACHE)
        # Writes these columns only; LanceDB's own merge would rewrite whole rows.
        data.merge_insert("id").when_matched_update_all().write_mode("rewrite_columns").execute(rows)

    commit_again(table.lance, table.where, merge)
    with translated(table.where):
        table.lance.checkout_latest()


def _swap_columns(table: ArticleTable, name: str) -> None:
    there = set(table.schema.names)
    now, following, last = (_columns(prefix, name) for prefix in ("", _NEXT, _LAST))
    renames = [{"path": a, "rename": b} for a, b in zip(now, last, strict=True) if a in there]
    renames += [{"path": a, "rename": b} for a, b in zip(following, now, strict=True)]
    commit_again(table.lance, table.where, lambda: table.lance.alter_columns(*renames))


def _drop(table: ArticleTable, columns: Sequence[str]) -> None:
    commit_again(table.lance, table.where, lambda: table.lance.drop_columns(list(columns)))


# -- former positions ---------------------------------------------------------------------------------------


class FormerPositions(AuxiliaryTable):
    """Where rows of an articles table were on its maps before their vectors changed, for the next update to consider.

    A row for each map and id, the latest.
    """

    prefix = FORMER_PREFIX

    def put(self, name: str, ids: Sequence[str], hashes: Sequence[str], xy: F64) -> None:
        """Keep the positions (n, 2) on a map that rows are about to lose, as one commit. The caller holds the lock.

        `hashes` are those of the vectors that were there; see `core.identity.vector_hashes`.
        """
        import pyarrow as pa

        if not len(ids):
            return
        rows = pa.table(
            {
                # No map's name has a slash.
                "key": pa.array([f"{name}/{one}" for one in ids]),
                "map": pa.array([name] * len(ids)),
                "id": pa.array(ids, pa.string()),
                "vector_hash": pa.array(hashes, pa.string()),
                "x": pa.array(xy[:, 0].astype(np.float32)),
                "y": pa.array(xy[:, 1].astype(np.float32)),
            }
        )

        def put(handle: Any) -> None:
            if handle is None:
                self._database.create_table(self.name, rows)
            else:
                upsert(handle, self.where, rows, key="key")

        self._change(put)

    def of(self, name: str) -> tuple[pa.Array, list[str], F64]:
        """Return the ids, the hashes of their former vectors, and their former positions (n, 2) on a map."""
        import pyarrow as pa

        def look(handle: Any) -> tuple[pa.Array, list[str], F64]:
            columns = ["id", "vector_hash", "x", "y"]
            found = handle.to_lance().to_table(columns=columns, filter=isin("map", [name]))
            xy = np.stack([found[axis].to_numpy() for axis in ("x", "y")], axis=1).astype(np.float64)
            return found["id"].combine_chunks(), found["vector_hash"].to_pylist(), xy

        nothing: tuple[pa.Array, list[str], F64] = (pa.array([], pa.string()), [], np.empty((0, 2)))
        return self._read(look, nothing)

    def forget(self, name: str) -> None:
        """Drop what is kept of a map, which has been written again or dropped. The caller holds the writer lock."""

        def forget(handle: Any) -> None:
            if handle is not None and handle.count_rows(isin("map", [name])):
                handle.delete(isin("map", [name]))
                clean(handle.to_lance(), KEEP_VERSIONS_FOR, self.where)

        self._change(forget)
