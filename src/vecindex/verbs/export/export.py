"""Rows of a table as a file for other tools, streamed, and there whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from vecindex.core.graph import GRAPH_K
from vecindex.errors import ConfigError, CorruptError
from vecindex.exports.formats import format_of
from vecindex.exports.json_rows import write_json, write_jsonl
from vecindex.exports.tables import write_csv, write_parquet
from vecindex.exports.vectors import write_vectors
from vecindex.files import whole_file
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.store.search import check_condition
from vecindex.store.versions import version
from vecindex.types import Observer, Silent, Stage
from vecindex.verbs.export.columns import ATLAS, TOOLS, VIEWER, Columns, chosen_maps, plan_columns
from vecindex.verbs.export.neighbors import FileNeighbors, file_neighbors, neighbor_type
from vecindex.verbs.export.result import ExportReport

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "exporting"
COMMAND = "vecindex export"
STDOUT = "-"
METADATA_KEY = b"vecindex"
"""Of a Parquet file: JSON that tells the table, its version, what made its vectors, and its maps."""
_WRITERS: dict[str, Callable[[BinaryIO, Any, Iterable[Any]], int]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_jsonl,
    "json": write_json,
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What to export; see `Index.export`."""

    out: str
    format: str | None = None
    tool: str | None = None
    columns: tuple[str, ...] | None = None
    where: str | None = None
    maps: tuple[str, ...] | None = None
    vectors: bool = False
    k: int | None = None
    at: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        kind, _ = format_of(self.out, self.format)
        if self.tool is not None and self.tool not in TOOLS:
            raise ConfigError(f"--for is {' or '.join(TOOLS)}, found {self.tool!r}.")
        wanted = {ATLAS: "parquet", VIEWER: "json"}.get(self.tool or "", kind)
        if kind != wanted:
            raise ConfigError(
                f"An export for {self.tool} is a .{wanted} file, found {kind}.",
                f"For example: {COMMAND} out.{wanted}",
            )
        if self.vectors:
            _check_vectors(kind)
        if self.k is not None and (self.tool != ATLAS or self.k < 1):
            raise ConfigError("-k is the neighbors of an export --for embedding-atlas, at least 1.", "Leave it out.")
        if self.tool == ATLAS and self.maps is not None and len(self.maps) != 1:
            raise ConfigError("An export for embedding-atlas shows one map.", "Name it: --map NAME")
        if kind == "npy" and (self.columns or self.maps):
            raise ConfigError("A .npy file holds the vectors alone.", "Leave --columns and --map out.")

    @property
    def shape(self) -> str | None:
        """The tool whose form the file has: a .json file has the viewer's."""
        return VIEWER if format_of(self.out, self.format)[0] == "json" else self.tool


def _check_vectors(kind: str) -> None:
    if kind == "csv":
        raise ConfigError(
            "CSV has no place for vectors.", "Export them to .parquet, .jsonl or .npy, or leave them out."
        )


def export(
    database: Database,
    name: str,
    options: ExportOptions,
    observer: Observer | None = None,
    stdout: BinaryIO | None = None,
) -> ExportReport:
    """Write rows of a table to a file; see `Index.export`."""
    observer = observer or Silent()
    begun = time.perf_counter()
    table = database.articles(name, options.at)
    if options.at is None:
        # All that follows reads one version, whatever is committed meanwhile.
        table.lance.checkout(version(table))
    if options.where is not None:
        check_condition(table, options.where)
    kind, packed = format_of(options.out, options.format)
    job = _job(table, options, kind)
    neighbors = None
    if options.tool == ATLAS:
        neighbors = file_neighbors(database, table, job.where, options.k or GRAPH_K, observer)
    _tell(table, job, options, observer)
    batches = _batches(table, job, neighbors, observer)
    ids_out = None
    if kind == "npy":
        beside, rows = write_vectors(options.out, COMMAND, batches, job.rows, table.fingerprint.dimension)
        ids_out = str(beside)
    else:
        schema = _schema(table, job, neighbors)
        with _target(options.out, stdout) as stream, _packed(stream, packed) as inner:
            rows = _WRITERS[kind](inner, schema, batches)
    observer.stage(Stage(STAGE, rows, rows))
    return ExportReport(
        table=name,
        at=options.at,
        version=version(table),
        out=options.out,
        ids_out=ids_out,
        format=kind,
        tool=options.tool,
        where=options.where,
        rows=rows,
        of=job.of,
        outside=job.outside,
        columns=job.told(neighbors),
        maps=job.columns.maps,
        placed=job.columns.placed,
        neighbors=None if neighbors is None else neighbors.about,
        bytes=None if options.out == STDOUT else Path(options.out).stat().st_size,
        seconds=time.perf_counter() - begun,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """What is read, and what becomes of it."""

    columns: Columns
    where: str | None
    rows: int
    of: int
    outside: int

    def told(self, neighbors: FileNeighbors | None) -> tuple[str, ...]:
        return (*self.columns.names, *(() if neighbors is None else ("neighbors",)))


def _job(table: ArticleTable, options: ExportOptions, kind: str) -> _Job:
    of = table.count()
    rows = table.count(options.where) if options.where else of
    if kind == "npy":
        return _Job(Columns(("id", "vector"), ("id", "vector"), (), None), options.where, rows, of, 0)
    on_maps = chosen_maps(table, options.maps)
    if options.tool == ATLAS:
        on_maps = on_maps[:1]
    if options.shape is not None and not on_maps and (options.maps is None or options.tool is not None):
        without = "" if options.tool == ATLAS else " Or leave the places out: --no-maps"
        raise ConfigError(f"{table.where} has no map to export.", f"Make one: vecindex project.{without}")
    columns = plan_columns(table, options.columns, on_maps, vectors=options.vectors, tool=options.shape)
    if "vector" in columns.sources:
        _check_vectors(kind)
    where = options.where
    if options.tool == ATLAS:
        on = f"{columns.placed}_x IS NOT NULL AND {columns.placed}_y IS NOT NULL"
        where = on if where is None else f"({where}) AND {on}"
    on_map = table.count(where) if where else of
    return _Job(columns, where, on_map, of, rows - on_map)


def _tell(table: ArticleTable, job: _Job, options: ExportOptions, observer: Observer) -> None:
    if job.outside:
        observer.notice(
            f"{job.outside:,} rows are not on the map {job.columns.placed} and are left out; they come onto it by: "
            f"vecindex project {job.columns.placed} --update"
        )
    elif not job.rows:
        observer.notice(f"{table.where}: no row {'meets the condition' if options.where and job.of else 'is in it'}")


def _batches(
    table: ArticleTable, job: _Job, neighbors: FileNeighbors | None, observer: Observer
) -> Iterator[pa.RecordBatch]:
    sources = list(dict.fromkeys(job.columns.sources))
    with_vectors = "vector" in sources
    at = 0
    for batch in table.stream(sources, job.where):
        observer.stage(Stage(STAGE, at, job.rows))
        if with_vectors and batch.column("vector").null_count:
            raise CorruptError(f"{table.where}: a row has no vector.", "Look closer: vecindex doctor")
        made = job.columns.taken(batch)
        if neighbors is not None:
            made = made.append_column("neighbors", neighbors.column(at, len(batch)))
        yield made
        at += len(batch)


def _schema(table: ArticleTable, job: _Job, neighbors: FileNeighbors | None) -> pa.Schema:
    import pyarrow as pa

    schema = job.columns.schema(table.schema)
    if neighbors is not None:
        schema = schema.append(pa.field("neighbors", neighbor_type()))
    there = maps(table)
    about = {
        "table": table.name,
        "version": version(table),
        "model": table.fingerprint.to_dict(),
        "maps": {name: there[name] for name in job.columns.maps},
    }
    return schema.with_metadata({METADATA_KEY: json.dumps(about).encode()})


def _target(out: str, stdout: BinaryIO | None) -> Any:
    from contextlib import nullcontext

    if out != STDOUT:
        return whole_file(out)
    if stdout is None:
        raise ConfigError("There is no standard output to write to.", "Name a file.")
    return nullcontext(stdout)


def _packed(stream: BinaryIO, packed: bool) -> Any:
    from contextlib import nullcontext
    from gzip import GzipFile

    # Without the time in it, so that the same rows give the same bytes.
    return cast("BinaryIO", GzipFile(fileobj=stream, mode="wb", mtime=0)) if packed else nullcontext(stream)
