"""The articles' neighbor graph, which all methods that make a map share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import NO_ROW
from vecindex.core.vectors import F32

I32 = npt.NDArray[np.int32]
GRAPH_K = 15
"""Neighbors kept of each article, unless a method asks for more."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The k nearest other articles of each of n articles, by cosine.

    Attributes
    ----------
    rows : (n, k) int32. Positions of articles in the graph's own order, nearest first, never the article itself;
        NO_ROW at the end of a list that is shorter.
    sims : (n, k) float32, the cosine, higher is closer, in descending order; -inf next to NO_ROW.
    recall : share of the true k nearest that the lists hold, measured on a sample; 1.0 where the search was exact.
    seconds : what the search took, in wall time.
    """

    rows: I32
    sims: F32
    recall: float
    seconds: float

    def __post_init__(self) -> None:
        """Refuse tables that do not belong together."""
        if self.rows.ndim != 2 or self.rows.shape != self.sims.shape:
            raise ValueError(f"rows {self.rows.shape} and sims {self.sims.shape} must be equal and (n, k)")

    @property
    def k(self) -> int:
        """How many neighbors a full list has."""
        return int(self.rows.shape[1])

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    @classmethod
    def without_neighbors(cls, n: int) -> Graph:
        """Return the graph of n articles whose lists are all empty (k = 0)."""
        return cls(np.empty((n, 0), dtype=np.int32), np.empty((n, 0), dtype=np.float32), 1.0, 0.0)

    def first(self, k: int) -> Graph:
        """Return the graph of the k nearest; all of them when there are fewer.

        >>> Graph(np.array([[1, 2]]), np.array([[0.9, 0.5]]), 1.0, 0.0).first(1).rows
        array([[1]])
        """
        return Graph(self.rows[:, :k], self.sims[:, :k], self.recall, self.seconds)

    def incomplete(self) -> npt.NDArray[np.bool_]:
        """Return for each article whether its list is shorter than it could be; shape (n,)."""
        full = min(self.k, len(self) - 1)
        return np.asarray((self.rows != NO_ROW).sum(axis=1) < full)

    def keep(self, kept: npt.NDArray[np.bool_]) -> Graph:
        """Return the graph of the articles that are kept (n,), numbered again in the same order.

        Who is gone is gone from the lists too. What follows moves up, so that a list that lost m is still the true
        k - m nearest, and is `incomplete`.

        Article 1 goes; 2 becomes 1, and the list of 0 holds only it.

        >>> sims = np.array([[0.9, 0.5], [0.9, 0.6], [0.5, 0.4]])
        >>> graph = Graph(np.array([[1, 2], [0, 2], [0, 1]]), sims, 1.0, 0.0)
        >>> graph.keep(np.array([True, False, True])).rows
        array([[ 1, -1],
               [ 0, -1]], dtype=int32)
        """
        number = np.full(len(kept) + 1, NO_ROW, dtype=np.int32)
        number[:-1][kept] = np.arange(int(kept.sum()), dtype=np.int32)
        # The last entry stands for NO_ROW, which is -1.
        rows, sims = number[self.rows[kept]], self.sims[kept]
        gone = rows == NO_ROW
        order = np.argsort(gone, axis=1, kind="stable")
        rows = np.take_along_axis(rows, order, axis=1)
        sims = np.where(rows == NO_ROW, -np.inf, np.take_along_axis(sims, order, axis=1))
        return Graph(rows, sims.astype(np.float32), self.recall, self.seconds)
