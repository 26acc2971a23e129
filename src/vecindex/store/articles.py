"""An articles table: its rows, its provenance, its transactions, its versions and the tags that name some of them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.conditions import in_backquotes, isin
from vecindex.core.indexes.recall import is_about_index
from vecindex.core.limits import looking
from vecindex.core.vectors import F32
from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError, StoreError, UnavailableError
from vecindex.messages import Placeholder, command, counted, text
from vecindex.schema import KEPT, MAP_KEY, OWN_COLUMNS, read_fingerprint, stored_json
from vecindex.store.faults import translated
from vecindex.store.lock import commit_again, committing
from vecindex.store.remote.commits import Known, Written, add_written, append, upsert
from vecindex.store.versions import folder_of, tag_files, torn_tags, versions_one_by_one
from vecindex.types import Fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

_SCAN_ROWS = 16_384
# Lance reads ahead by whole batches, and by default up to 2 GB of them.
_VECTOR_ROWS = 1_024
CONDITION_ROWS = 512
"""Rows at a time where a condition of a user is computed."""
_READ_AHEAD_BATCHES = 2
_READ_AHEAD_BYTES = 4 << 20
_CACHE_BYTES = 8 << 20
_PREFIX = "vecindex:"
_DELETE_IDS = 10_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


SETTINGS: dict[str, Callable[[dict[str, Any]], bool]] = {**KEPT, "vector_index": is_about_index}
"""What is kept with the provenance, and whether a value is of the form that was stored."""


class ArticleTable:
    """One LanceDB table of articles or chunks.

    Reads follow the latest commit. Writes assume that the caller holds the database's writer lock; each is one
    atomic commit.
    """

    def __init__(self, table: Any, where: str) -> None:
        """Take an open LanceDB table and the name to use in messages."""
        self.lance = table
        self.where = where
        self.name: str = table.name
        self.folder = folder_of(where)
        self.known = Known()
        """Of which version all ids are known; see `known_rows`."""

    # -- provenance ---------------------------------------------------------------------------------------

    @property
    def schema(self) -> pa.Schema:
        """The table's Arrow schema."""
        with translated(self.where):
            return self.lance.schema

    @property
    def extra_columns(self) -> list[pa.Field]:
        """The user's own columns: all that are neither ours nor a map's."""
        return [f for f in self.schema if f.name not in OWN_COLUMNS and not (f.metadata or {}).get(MAP_KEY)]

    def metadata(self) -> dict[str, str]:
        """Return the provenance kept with the vectors, as text under `vecindex:` names."""
        return metadata_of(self.schema)

    @property
    def half(self) -> bool:
        """Whether vectors are stored as float16."""
        return has_half(self.schema)

    @property
    def fingerprint(self) -> Fingerprint:
        """What made the vectors."""
        return read_fingerprint(self.metadata(), self.where)

    def setting(self, key: str) -> Any:
        """Return one further piece of provenance, or None.

        These are notes, which the next ingest writes again: a damaged one is as good as none.
        """
        with suppress(CorruptError):
            return self._setting(key)
        return None

    def damaged_settings(self) -> list[str]:
        """Return the further pieces of provenance that are damaged."""
        damaged = []
        for key in SETTINGS:
            try:
                self._setting(key)
            except CorruptError:
                damaged.append(key)
        return damaged

    def _setting(self, key: str) -> Any:
        raw = self.metadata().get(_PREFIX + key)
        what = f"What {self.where} keeps as {key}"
        value = None if raw is None else stored_json(raw, what)
        if value is None or key not in SETTINGS:
            return value
        if not isinstance(value, dict) or not SETTINGS[key](value):
            raise CorruptError(f"{what} is damaged.", LOOK_CLOSER)
        return value

    def set_setting(self, **values: Any) -> None:
        """Keep further provenance; each value is stored as JSON."""
        self.put_provenance({_PREFIX + k: json.dumps(v) for k, v in values.items()})

    def put_provenance(self, values: dict[str, str]) -> None:
        """Put back the provenance as an older version of the table has it."""
        change = {"path": "vector", "metadata": values}
        commit_again(self.lance, self.where, lambda: self.lance.update_field_metadata(change))

    # -- reading ------------------------------------------------------------------------------------------

    def count(self, where: str | None = None) -> int:
        """Return the number of rows, all or those that meet an SQL condition."""
        with translated(self.where):
            return int(self.lance.count_rows(where))

    def scan(self, columns: Sequence[str], where: str | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches with the given columns, from one version of the table."""
        with translated(self.where):
            yield from looking(
                self._pinned().to_batches(columns=list(columns), filter=in_backquotes(where), batch_size=_SCAN_ROWS)
            )

    def stream(
        self, columns: Sequence[str], where: str | None = None, rows: int = _VECTOR_ROWS
    ) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows in the order of `scan`, in batches of so many rows, and few batches in memory."""
        with translated(self.where):
            scanner = self._pinned().scanner(
                columns=list(columns),
                filter=in_backquotes(where),
                batch_size=rows,
                batch_readahead=_READ_AHEAD_BATCHES,
                fragment_readahead=1,
                io_buffer_size=_READ_AHEAD_BYTES,
                scan_in_order=True,
            )
            yield from looking(scanner.to_batches())

    def scan_where(self, columns: Sequence[str], condition: str) -> Iterator[pa.RecordBatch]:
        """Yield columns of the rows that meet a user's condition, a few rows at a time.

        What the condition computes, such as a copy of each text, is in memory for these rows alone.
        """
        yield from self.stream(columns, f"({condition})", CONDITION_ROWS)

    def _pinned(self) -> Any:
        """Return the version that is read now as a Lance dataset, which stays at it whatever is committed."""
        return self.lance.to_lance(metadata_cache_size_bytes=_CACHE_BYTES, index_cache_size_bytes=_CACHE_BYTES)

    def known_rows(self) -> Iterator[tuple[list[str], list[str]]]:
        """Yield (article ids, content hashes) of all articles: what is needed to resume.

        In a chunked table an article is known by its first chunk; its chunks are always committed together.
        """
        self.known.version = self.version
        chunked = self.fingerprint.chunking is not None
        columns = ["article_id" if chunked else "id", "content_hash"]
        for batch in self.scan(columns, "chunk = 0" if chunked else None):
            yield batch.column(0).to_pylist(), batch.column(1).to_pylist()

    def commits_after(self, txn: int, ended_at: str | None) -> tuple[int, int, dt.datetime | None]:
        """Return the (rows, transactions, time of the last one) that ingest committed after a run.

        The run is known by its last transaction and the time of its end (ISO 8601, with zone): after a deletion the
        numbers of transactions may begin lower again.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        later = f"txn > {txn}" + (f" OR ingested_at > CAST('{ended_at}' AS TIMESTAMP)" if ended_at else "")
        rows, seen, last = 0, set[int](), 0
        for batch in self.scan(["txn", "ingested_at"], later):
            rows += len(batch)
            seen.update(pc.unique(batch.column("txn")).to_pylist())
            # Microseconds since 1970: pyarrow imports pandas for a time with a zone.
            last = max(last, pc.max(batch.column("ingested_at").cast(pa.int64())).as_py() or 0)
        return rows, len(seen), _EPOCH + dt.timedelta(microseconds=last) if rows else None

    def last_txn(self) -> int:
        """Return the number of the last transaction, 0 for an empty table."""
        import pyarrow.compute as pc

        return max((pc.max(b.column(0)).as_py() or 0 for b in self.scan(["txn"])), default=0)

    def vectors(self, where: str | None = None) -> tuple[list[str], F32]:
        """Return the ids and vectors (n, d) of the rows, in table order; memory is that of the matrix."""
        d = self.fingerprint.dimension
        ids: list[str] = []
        with translated(self.where):
            data = self._pinned()
            condition = in_backquotes(where)
            matrix = np.empty((data.count_rows(condition), d), dtype=np.float32)
            for batch in data.to_batches(columns=["id", "vector"], filter=condition, batch_size=_SCAN_ROWS):
                rows = as_matrix(batch.column("vector"), d)
                matrix[len(ids) : len(ids) + len(rows)] = rows
                ids += batch.column("id").to_pylist()
        return ids, matrix

    def rows_by_id(self, ids: Sequence[str], columns: Sequence[str], key: str = "id") -> pa.Table:
        """Return the rows with these ids (or article ids), in table order."""
        with translated(self.where):
            found: pa.Table = self._pinned().to_table(columns=list(columns), filter=isin(key, ids))
            return found

    def rows_at(self, numbers: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Return the rows of these numbers, counted from 0 in the order of `scan`, in the order given."""
        with translated(self.where):
            found: pa.Table = self._pinned().take(list(numbers), columns=list(columns))
            return found

    # -- writing ------------------------------------------------------------------------------------------

    def append(self, rows: pa.Table) -> None:
        """Add rows whose ids the table does not hold, as one commit.

        Raises LockedError where another process has written some of them to a remote table since `known_rows`.
        """
        with committing(self.where):
            if self.folder is not None:
                self.lance.add(rows)
            else:
                append(self.lance, self.where, rows, self.known)

    def replace(self, rows: pa.Table, gone: Sequence[str] = ()) -> None:
        """Insert rows or replace those of the same id, and delete the chunks in `gone`, as one commit."""
        with committing(self.where):
            upsert(self.lance, self.where, rows, isin("id", gone) if gone else None, known=self.known)

    def add_written(self, written: Written) -> None:
        """Add rows that others have written as fragments, in place of those of the same id; see `add_written`."""
        with committing(self.where):
            add_written(self.lance, self.where, written, self.known)

    def delete(self, where: str) -> int:
        """Delete the rows that meet an SQL condition, as one commit; return how many they were."""
        before = self.count()
        commit_again(self.lance, self.where, lambda: self.lance.delete(where))
        return before - self.count()

    def delete_ids(self, ids: Sequence[str], key: str = "id") -> int:
        """Delete the rows with these ids (or article ids), 10,000 a commit; return how many they were."""
        starts = range(0, len(ids), _DELETE_IDS)
        return sum(self.delete(isin(key, ids[at : at + _DELETE_IDS])) for at in starts)

    def add_columns(self, fields: Sequence[pa.Field]) -> None:
        """Add nullable columns, null in the rows that are there."""
        import pyarrow as pa

        commit_again(self.lance, self.where, lambda: self.lance.add_columns(pa.schema(list(fields))))

    # -- versions -----------------------------------------------------------------------------------------

    @property
    def version(self) -> int:
        """The number of the version that is read."""
        with translated(self.where):
            return int(self.lance.version)

    def versions(self) -> dict[int, tuple[int, dt.datetime]]:
        """Return the (rows, time of the commit in UTC) of each version that can still be read."""
        try:
            return self._listed_versions()
        except UnavailableError:
            raise
        except StoreError:
            # Where one manifest is damaged, Lance lists none.
            if self.folder is None:
                raise
            return versions_one_by_one(self.folder)

    def _listed_versions(self) -> dict[int, tuple[int, dt.datetime]]:
        with translated(self.where):
            return {
                # LanceDB gives the time in this machine's zone, without saying so.
                int(v["version"]): (int(v["metadata"].get("total_rows", 0)), v["timestamp"].astimezone(dt.UTC))
                for v in self.lance.list_versions()
            }

    def snapshot(self, folder: Path | None) -> str:
        """Return a name of the version that is read; a table made again under the same name has other ones.

        `folder` is the database's. The name is the version's number and the time of its commit, from the files of a
        local database; of a remote one only the number is known.
        """
        return self.snapshot_of(self.version, folder)

    def snapshot_of(self, number: int, folder: Path | None) -> str:
        """Return what `snapshot` gives for a version; the number alone where its file is gone."""
        if folder is not None:
            kept = folder / f"{self.name}.lance" / "_versions"
            # Lance counts down from 2^64 - 1 in these names; older tables count up.
            for name in (f"{2**64 - 1 - number:020}.manifest", f"{number}.manifest"):
                with suppress(OSError):
                    return f"{number}-{(kept / name).stat().st_mtime_ns:x}"
        return str(number)

    def tags(self) -> dict[str, int]:
        """Return the version that each tag names, in order of the names; those of `torn_tags` are left out."""
        if self.folder is not None and self.torn_tags():
            return {tag: file.version for tag, file in tag_files(self.folder).items() if file.version is not None}
        with translated(self.where):
            return {name: int(tag["version"]) for name, tag in sorted(self.lance.tags.list().items())}

    def torn_tags(self) -> list[str]:
        """Return the tags whose files cannot be read, in order."""
        return list(torn_tags(self.folder))

    def go_to(self, tag: str) -> None:
        """Read from now on what a tag names; nothing can be written then.

        Raises ConfigError naming the tags when there is no such tag, CorruptError when its file cannot be read.
        """
        if tag in self.torn_tags():
            raise CorruptError(f"The file of the tag {tag!r} of {self.where} is damaged.", LOOK_CLOSER)
        known = self.tags()
        if tag not in known:
            raise ConfigError(
                f"{self.where} has no tag {tag!r} (tags there: {', '.join(known) or 'none'}).",
                text("To make one: ", command("tag", Placeholder("NAME"))),
            )
        with translated(self.where):
            self.lance.checkout(tag)

    def follow(self) -> None:
        """Read what others have committed since it was opened: in object storage a handle stays at its version."""
        with translated(self.where):
            self.lance.checkout_latest()

    def put_tag(self, name: str, version: int | None = None) -> None:
        """Let a tag name a version, the latest if none is given; one that is there is moved.

        The caller holds the writer lock.
        """
        there = name in self.tags()
        with committing(self.where):
            self.lance.checkout_latest()
            store = self.lance.tags
            if name in self.torn_tags():
                store.delete(name)
            (store.update if there else store.create)(name, version or self.lance.version)

    def remove_tag(self, name: str) -> None:
        """Remove a tag; its version goes with a later clean-up. The caller holds the writer lock."""
        with committing(self.where):
            self.lance.tags.delete(name)


def has_half(schema: pa.Schema) -> bool:
    """Return whether a table of this schema stores vectors as float16."""
    return str(schema.field("vector").type.value_type) == "halffloat"


def metadata_of(schema: pa.Schema) -> dict[str, str]:
    """Return the provenance that a table of this schema keeps, as text under `vecindex:` names."""
    raw = (schema.field("vector").metadata if "vector" in schema.names else None) or {}
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in raw.items()}


def as_matrix(column: pa.Array, dimension: int) -> F32:
    """Return a fixed-size-list column as (n, d) float32, of float32 without a copy.

    Raises CorruptError when a vector is null: flattening would shift all rows after it.
    """
    if column.null_count:
        raise CorruptError(f"{counted(column.null_count, 'row has', 'rows have')} no vector.", LOOK_CLOSER)
    flat = column.flatten()
    kind = flat.type.to_pandas_dtype()
    # Not by `to_numpy`, for which pyarrow imports pandas.
    plain = np.frombuffer(flat.buffers()[1] or b"", kind)[flat.offset : flat.offset + len(flat)]
    values = flat.to_numpy(zero_copy_only=False) if flat.null_count else plain
    return values.astype(np.float32, copy=False).reshape(-1, dimension)
