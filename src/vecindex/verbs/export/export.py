"""Rows of a table as a file for other tools: streamed, and written whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vecindex.core.graph import GRAPH_K
from vecindex.core.identity import written_id
from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError
from vecindex.exports.tables import write_csv, write_json, write_jsonl, write_parquet
from vecindex.exports.uploads import is_remote, size_there, upload_vectors, uploaded
from vecindex.exports.vectors import write_vectors
from vecindex.files import whole_file
from vecindex.masks import masked
from vecindex.messages import Placeholder, Text, command, counted, option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps as stored_maps
from vecindex.types import Observer, Silent, Stage
from vecindex.verbs.export.columns import Columns, chosen_maps, open_version, plan_columns
from vecindex.verbs.export.ids import WantedIds
from vecindex.verbs.export.neighbors import FileNeighbors, file_neighbors
from vecindex.verbs.export.options import ATLAS, VIEWER, ExportOptions, check_vectors, checked_export, format_of
from vecindex.verbs.export.result import ExportReport
from vecindex.verbs.export.topics import TopicColumns, topic_columns
from vecindex.verbs.ids import no_ids
from vecindex.verbs.picture.options import MapOptions

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "exporting"
STDOUT = "-"
_SHOWN_IDS = 5
METADATA_KEY = b"vecindex"
"""Of a Parquet file: JSON with the table, its version, what made its vectors, and its maps."""
_WRITERS: dict[str, Callable[[BinaryIO, Any, Iterable[Any]], int]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_jsonl,
    "json": write_json,
}


def export(
    database: Database,
    name: str,
    out: str,
    options: ExportOptions,
    observer: Observer | None = None,
    stdout: BinaryIO | None = None,
) -> ExportReport:
    """Write rows of a table to a file; see `Index.export`."""
    options, observer = checked_export(out, options), observer or Silent()
    begun = time.perf_counter()
    table = open_version(database, name, options["where"], options["at"])
    kind, packed = format_of(out, options["format"])
    wanted = None if options["ids"] is None else WantedIds(str(options["ids"]), table)
    job = _job(table, options, kind, wanted)
    neighbors = None
    if options["tool"] == ATLAS:
        neighbors = file_neighbors(database, table, job.where, options["k"] or GRAPH_K, observer)
    _report_missing(table, job, options, observer, wanted)
    topics = _topics(database, table, job, options, observer) if options["topics"] else None
    batches = _batches(table, job, neighbors, topics, observer)
    ids_out = None
    if kind == "npy":
        write = upload_vectors if is_remote(out) else write_vectors
        ids_file, rows = write(out, batches, job.rows, table.fingerprint.dimension)
        ids_out = str(ids_file)
    else:
        schema = _schema(table, job, neighbors, topics)
        with _target(out, stdout) as stream, _packed(stream, packed) as inner:
            rows = _WRITERS[kind](inner, schema, batches)
    observer.stage(Stage(STAGE, rows, rows))
    return ExportReport(
        table=name,
        at=options["at"],
        version=table.version,
        out=masked(out),
        ids_out=ids_out,
        format=kind,
        tool=options["tool"],
        where=options["where"],
        ids=None if wanted is None else wanted.file,
        not_found=() if wanted is None else wanted.not_found,
        rows=rows,
        of=job.of,
        outside=job.outside,
        columns=(
            *job.columns.names,
            *(() if topics is None else topics.names),
            *(() if neighbors is None else ("neighbors",)),
        ),
        maps=job.columns.maps,
        placed=job.columns.placed,
        neighbors=None if neighbors is None else neighbors.about,
        bytes=_size(out),
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


def _job(table: ArticleTable, options: ExportOptions, kind: str, wanted: WantedIds | None) -> _Job:
    of = table.count()
    where, tool, maps = options["where"], options["tool"], options["maps"]
    if wanted is not None:
        where = wanted.and_where(where)
    rows = table.count(where) if where else of
    if kind == "npy":
        return _Job(Columns(("id", "vector"), ("id", "vector"), (), None), where, rows, of, 0)
    # A .json file has the form that the viewer reads.
    form = VIEWER if kind == "json" else tool
    on_maps = chosen_maps(table, maps)
    if tool == ATLAS:
        on_maps = on_maps[:1]
    if form is not None and not on_maps and (maps is None or tool is not None):
        without = "" if tool == ATLAS else text(" Or leave the coordinates out: ", option("maps", ()))
        raise ConfigError(
            f"{table.where} has no map to export.", text("Make one: ", command("project"), ".", without)
        )
    columns = plan_columns(table, options["columns"], on_maps, vectors=options["vectors"], tool=form)
    if "vector" in columns.sources:
        check_vectors(kind)
    if tool == ATLAS:
        on = f"{columns.placed}_x IS NOT NULL AND {columns.placed}_y IS NOT NULL"
        where = on if where is None else f"({where}) AND {on}"
    on_map = table.count(where) if where else of
    return _Job(columns, where, on_map, of, rows - on_map)


def _report_missing(
    table: ArticleTable, job: _Job, options: ExportOptions, observer: Observer, wanted: WantedIds | None
) -> None:
    if wanted is not None and wanted.not_found and not wanted.none_found:
        n = len(wanted.not_found)
        observer.notice(f"{table.where} has no row of {n:,} of the ids in {wanted.file}: {_first(wanted.not_found)}")
    if job.outside:
        observer.notice(
            text(
                f'{counted(job.outside, "row is", "rows are")} not on the map "{job.columns.placed}" and '
                f"{'is' if job.outside == 1 else 'are'} left out; to add them: ",
                command("project", job.columns.placed, update=True),
            )
        )
    elif not job.rows:
        observer.notice(_why_none(table, job, options, wanted))


def _first(ids: Sequence[str]) -> str:
    """Return the first of some ids, and how many more there are."""
    more = f", and {len(ids) - _SHOWN_IDS:,} more" if len(ids) > _SHOWN_IDS else ""
    return ", ".join(written_id(i) for i in ids[:_SHOWN_IDS]) + more


def _why_none(table: ArticleTable, job: _Job, options: ExportOptions, wanted: WantedIds | None) -> Text:
    """Return why no row is written, and what to do about it."""
    if not job.of:
        return text(f"{table.where}: no row is in it yet; fill it: ", command("ingest", Placeholder("SOURCE")))
    if wanted is None:
        return text(f"{table.where}: no row meets the condition")
    if not wanted.asked:
        return text(
            f"{no_ids(wanted.file)}, so no row is written; give one id a line, or leave ", option("ids"), " out"
        )
    source = "standard input" if wanted.file == "-" else wanted.file
    if wanted.none_found:
        there = command("export", STDOUT, columns="id", format="csv")
        none = f"none of the ids in {source} is in {table.where}, so no row is written ({_first(wanted.not_found)})"
        return text(none, "; its ids: ", there)
    return text(f"{table.where}: no row of the ids in {source} meets the condition as well")


def _batches(
    table: ArticleTable,
    job: _Job,
    neighbors: FileNeighbors | None,
    topics: TopicColumns | None,
    observer: Observer,
) -> Iterator[pa.RecordBatch]:
    sources = list(dict.fromkeys([*job.columns.sources, *(() if topics is None else ("id",))]))
    with_vectors = "vector" in sources
    at = 0
    for batch in table.stream(sources, job.where):
        observer.stage(Stage(STAGE, at, job.rows))
        if with_vectors and batch.column("vector").null_count:
            raise CorruptError(f"{table.where}: a row has no vector.", LOOK_CLOSER)
        made = job.columns.taken(batch)
        if topics is not None:
            made = topics.added(made, batch.column("id"))
        if neighbors is not None:
            made = made.append_column("neighbors", neighbors.column(at, len(batch)))
        yield made
        at += len(batch)


def _topics(
    database: Database, table: ArticleTable, job: _Job, options: ExportOptions, observer: Observer
) -> TopicColumns:
    chosen: MapOptions = {"topics_by": options["topics_by"], "topics_file": options["topics_file"]}
    if job.columns.maps:
        chosen["map"] = job.columns.maps[0]
    return topic_columns(database, table, chosen, observer, (*job.columns.names, "neighbors"))


def _schema(
    table: ArticleTable, job: _Job, neighbors: FileNeighbors | None, topics: TopicColumns | None
) -> pa.Schema:
    import pyarrow as pa

    schema = job.columns.schema(table.schema)
    for name in () if topics is None else topics.names:
        schema = schema.append(pa.field(name, pa.string()))
    if neighbors is not None:
        schema = schema.append(pa.field("neighbors", neighbors.column(0, 0).type))
    there = stored_maps(table)
    about = {
        "table": table.name,
        "version": table.version,
        "model": table.fingerprint.to_dict(),
        "maps": {name: there[name] for name in job.columns.maps},
    }
    return schema.with_metadata({METADATA_KEY: json.dumps(about).encode()})


def _size(out: str) -> int | None:
    if out == STDOUT:
        return None
    return size_there(out) if is_remote(out) else Path(out).stat().st_size


def _target(out: str, stdout: BinaryIO | None) -> Any:
    if is_remote(out):
        return uploaded(out)
    if out != STDOUT:
        return whole_file(out)
    if stdout is None:
        raise ConfigError("There is no standard output to write to.", "Name a file.")
    return nullcontext(stdout)


def _packed(stream: BinaryIO, packed: bool) -> Any:
    # Without the time in it, so that the same rows give the same bytes.
    return GzipFile(fileobj=stream, mode="wb", mtime=0) if packed else nullcontext(stream)
