"""The table that keeps the neighbor graph of an articles table, each row under its article's id and content."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import NO_ROW
from vecindex.core.texts.joined import joined, plain_chunks
from vecindex.errors import CorruptError
from vecindex.schema import stored_json
from vecindex.store.database import GRAPH_PREFIX, AuxiliaryTable
from vecindex.store.maintenance import KEEP_VERSIONS_FOR, clean

if TYPE_CHECKING:
    import pyarrow as pa


GRAPH_KEY = b"vecindex:graph"
FORMAT = "1"
_SCAN_ROWS = 16_384
_COLUMNS = ("id", "content", "neighbors", "sims")


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """A graph and what its rows are.

    Attributes
    ----------
    ids, contents : (n,) Arrow texts in the graph's order: the article, and the half of its content hash that
        covers what makes its vector.
    made_by : what made the vectors: the fingerprint of the articles' table, as JSON.
    version : of the articles' table that it was made of.
    """

    ids: pa.Array
    contents: pa.Array
    graph: Graph
    made_by: str
    version: int


class GraphTable(AuxiliaryTable):
    """The stored graph of one articles table."""

    prefix = GRAPH_PREFIX
    replaced_whole = True

    def load(self) -> StoredGraph | None:
        """Return what is kept; None when there is nothing, or nothing that this vecindex can read."""

        def look(table: Any) -> StoredGraph | None:
            about = _about(table.schema)
            return None if about is None else _read(table, about)

        return self._read(look, None)

    def save(self, stored: StoredGraph) -> None:
        """Keep a graph in place of what is there, as one commit. The caller holds the writer lock."""

        def save(there: Any) -> None:
            # Lance warns on stderr where there is nothing to overwrite.
            made = self._database.create_table(self.name, _rows(stored), overwrite=there is not None)
            clean(made.to_lance(), KEEP_VERSIONS_FOR, self.where)

        self._change(save)


def _about(schema: pa.Schema) -> dict[str, Any] | None:
    raw = (schema.metadata or {}).get(GRAPH_KEY)
    if raw is None or any(name not in schema.names for name in _COLUMNS):
        return None
    try:
        about = stored_json(raw, "What is stored with the graph")
        return dict(about) if about.get("format") == FORMAT else None
    except AttributeError as error:
        raise CorruptError("What is stored with the graph is no object.") from error


def _rows(stored: StoredGraph) -> pa.Table:
    import pyarrow as pa

    graph = stored.graph
    about = {
        "format": FORMAT,
        "rows": len(graph),
        "k": graph.k,
        "recall": graph.recall,
        "seconds": graph.seconds,
        "made_by": stored.made_by,
        "version": stored.version,
    }
    near = pa.array(np.ascontiguousarray(graph.rows, dtype=np.int32).ravel())
    sims = pa.array(np.ascontiguousarray(graph.sims, dtype=np.float32).ravel())
    return pa.table(
        [
            plain_chunks(stored.ids),
            plain_chunks(stored.contents),
            pa.FixedSizeListArray.from_arrays(near, graph.k),
            pa.FixedSizeListArray.from_arrays(sims, graph.k),
        ],
        names=list(_COLUMNS),
    ).replace_schema_metadata({GRAPH_KEY: json.dumps(about).encode()})


def _read(table: Any, about: dict[str, Any]) -> StoredGraph | None:
    try:
        n, k = int(about["rows"]), int(about["k"])
        recall, seconds = float(about["recall"]), float(about["seconds"])
        made_by, version = str(about["made_by"]), int(about["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError("What is stored with the graph lacks a value.") from error
    if table.count_rows() != n or not n:
        return None
    rows = np.empty((n, k), dtype=np.int32)
    sims = np.empty((n, k), dtype=np.float32)
    ids: list[pa.Array] = []
    contents: list[pa.Array] = []
    at = 0
    for batch in table.to_lance().to_batches(columns=list(_COLUMNS), batch_size=_SCAN_ROWS):
        size = len(batch)
        rows[at : at + size] = batch.column("neighbors").flatten().to_numpy().reshape(-1, k)
        sims[at : at + size] = batch.column("sims").flatten().to_numpy().reshape(-1, k)
        ids.append(batch.column("id"))
        contents.append(batch.column("content"))
        at += size
    if at != n or rows.min(initial=0) < NO_ROW or rows.max(initial=0) >= n:
        return None
    graph = Graph(rows, sims, recall, seconds)
    return StoredGraph(joined(ids), joined(contents), graph, made_by, version)
