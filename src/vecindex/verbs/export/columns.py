"""Which columns of a table are read for other tools, under which names; and some of them as Arrow data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.schema import CHUNK_COLUMNS
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.store.search import check_condition
from vecindex.verbs.export.options import ATLAS, VIEWER
from vecindex.verbs.the_map import chosen_map

if TYPE_CHECKING:
    import pyarrow as pa

_LENGTHS = ("n_tokens", "truncated")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of an export, in order.

    Attributes
    ----------
    names, sources : the name of each in the file, and of the table's column that it holds.
    maps : the maps whose coordinates are among them.
    placed : the map whose coordinates are called x and y; None where none are.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    maps: tuple[str, ...]
    placed: str | None

    def taken(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of the table with these columns, without what the table notes about them."""
        import pyarrow as pa

        columns = [batch.column(name) for name in self.sources]
        return pa.RecordBatch.from_arrays(columns, names=list(self.names))

    def schema(self, table: pa.Schema) -> pa.Schema:
        """Return the schema of such batches."""
        import pyarrow as pa

        fields = [(name, table.field(source)) for name, source in zip(self.names, self.sources, strict=True)]
        return pa.schema([pa.field(name, field.type) for name, field in fields])


def open_version(database: Database, name: str, where: str | None, at: str | None) -> ArticleTable:
    """Return the table at a tag, else held on its latest version, whatever is committed meanwhile.

    Raises ConfigError for a condition that cannot be applied to it.
    """
    table = database.articles(name, at)
    if at is None:
        table.lance.checkout(table.version)
    if where is not None:
        check_condition(table, where)
    return table


def chosen_maps(table: ArticleTable, wanted: Sequence[str] | None) -> list[str]:
    """Return the maps that were asked for; None asks for all, the one that `Index.map` shows first.

    Raises ConfigError naming the maps that there are.
    """
    if wanted is not None:
        return [chosen_map(table, name)[0].name for name in dict.fromkeys(wanted)]
    there = list(maps(table))
    if not there:
        return []
    shown = chosen_map(table, None)[0].name
    return [shown, *(name for name in there if name != shown)]


def plan_columns(
    table: ArticleTable, wanted: Sequence[str] | None, on_maps: Sequence[str], *, vectors: bool, tool: str | None
) -> Columns:
    """Return the columns of an export.

    Parameters
    ----------
    wanted : columns of the table, several in one text apart by commas; None for those that a reader would use.
    on_maps : the maps whose coordinates are included.
    vectors : whether the vectors are included.
    tool : None for a table like ours; else what is fixed for the tool stands first, and the coordinates on the first
        map are called x and y.

    Raises ConfigError naming the columns that there are.
    """
    own = _usual(table, tool) if wanted is None else _resolved(table, wanted)
    first: list[tuple[str, str]] = []
    placed = on_maps[0] if tool and on_maps else None
    if placed is not None:
        first += [("x", f"{placed}_x"), ("y", f"{placed}_y")]
    if tool == ATLAS:
        first += [(name, name) for name in ("text", "id", "title")]
    elif tool == VIEWER:
        first = [("id", "id"), ("title", "title"), *first]
    taken = {source for _, source in first}
    own += [f"{name}_{axis}" for name in on_maps for axis in ("x", "y")]
    own += ["vector"] if vectors else []
    rest = [name for name in dict.fromkeys(own) if name not in taken]
    names = [name for name, _ in first]
    for name in rest:
        # embedding-atlas has a column of its own that no field of the user's may hide.
        while name in names or (tool == ATLAS and name == "neighbors"):
            name = f"src_{name}"
        names.append(name)
    sources = [source for _, source in first] + rest
    return Columns(tuple(names), tuple(sources), tuple(on_maps), placed)


def _usual(table: ArticleTable, tool: str | None) -> list[str]:
    there = table.schema.names
    own = [name for name in CHUNK_COLUMNS if name in there]
    own += [field.name for field in table.extra_columns if not field.name.startswith("_")]
    return own if tool is not None else ["id", "title", "text", *own, *_LENGTHS]


def _resolved(table: ArticleTable, wanted: Sequence[str]) -> list[str]:
    there = table.schema.names
    found: list[str] = []
    for item in wanted:
        # A column may itself have a comma in its name.
        found += [item] if item in there else [name.strip() for name in item.split(",") if name.strip()]
    if missing := [name for name in found if name not in there]:
        raise ConfigError(
            f"{table.where} has no column {missing[0]!r}.", f"Columns there: {', '.join(sorted(there))}"
        )
    if not found:
        raise ConfigError(text(option("columns"), " names no column."), f"Columns there: {', '.join(sorted(there))}")
    return found


def read_vectors(database: Database, name: str, where: str | None, at: str | None) -> pa.RecordBatchReader:
    """Return ids and vectors as a stream of one version of the table; see `Index.vectors`."""
    return _reader(open_version(database, name, where, at), ["vector"], ["vector"], where)


def read_positions(database: Database, name: str, on: str | None, where: str | None, at: str | None) -> pa.Table:
    """Return ids and positions on a map, of one version of the table; see `Index.positions`."""
    import pyarrow.compute as pc

    table = open_version(database, name, where, at)
    chosen = chosen_map(table, on)[0].name
    on_map = f"{chosen}_x IS NOT NULL AND {chosen}_y IS NOT NULL"
    condition = on_map if where is None else f"({where}) AND {on_map}"
    found = _reader(table, ["x", "y"], [f"{chosen}_x", f"{chosen}_y"], condition).read_all()
    return found.filter(pc.and_(pc.is_finite(found["x"]), pc.is_finite(found["y"])))


def _reader(
    table: ArticleTable, names: Sequence[str], sources: Sequence[str], where: str | None
) -> pa.RecordBatchReader:
    """Return columns, renamed, behind the ids; of chunks with the ids of their articles too."""
    import pyarrow as pa

    ids = ["id"] if table.fingerprint.chunking is None else ["id", "article_id"]
    columns = Columns((*ids, *names), (*ids, *sources), (), None)
    batches = (columns.taken(batch) for batch in table.stream(columns.sources, where))
    return pa.RecordBatchReader.from_batches(columns.schema(table.schema), batches)
