"""Tables with an index of their vectors, and what an exact search of them gives, by numpy."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import vecindex
from tables import OTHER_WEIGHTS, append, make_table, unit_vectors
from vecindex.core.indexes.recall import Probe
from vecindex.core.vectors import F32
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import nearest

D = 16
N = 400
"""Fewer rows than are drawn to measure recall: so each of them is a query."""


def stocked(folder: Path, n: int = N, seed: int = 0) -> tuple[ArticleTable, F32]:
    """Return a table of n articles a00000, a00001, ... and their vectors, of no model here."""
    vectors = unit_vectors(n, D, seed)
    table = make_table(folder, dimension=D, weights=OTHER_WEIGHTS)
    append(table, vectors)
    return table, vectors


def indexed(folder: Path, kind: Any = "IVF_SQ") -> tuple[ArticleTable, F32]:
    """Return a table as `stocked` makes it, with an index, and its vectors; made once, and then copied."""
    shutil.copytree(_indexed(kind).name, folder, dirs_exist_ok=True)
    return Database(folder).articles("articles"), unit_vectors(N, D)


@functools.cache
def _indexed(kind: Any) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with such a database, which is removed with the process."""
    made = tempfile.TemporaryDirectory()
    stocked(Path(made.name))
    vecindex.open(made.name).build_index(type=kind)
    return made


def names(n: int = N) -> list[str]:
    """Return the ids of the articles."""
    return [f"a{i:05d}" for i in range(n)]


def exact(vectors: F32, ids: list[str], query: F32, k: int = 10) -> list[str]:
    """Return the ids of the k nearest, in float64: slow and obvious."""
    dist = 1 - vectors.astype(np.float64) @ query.astype(np.float64)
    return [ids[i] for i in sorted(range(len(ids)), key=lambda i: (dist[i], ids[i]))[:k]]


def found(table: ArticleTable, query: F32, probe: Probe, limit: int = 10, where: str | None = None) -> list[str]:
    """Return the ids that a search of the index finds."""
    return [hit.row["id"] for hit in nearest(table, query[None], limit, ["id"], where, probe)[0].rows]
