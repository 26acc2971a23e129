"""Vectors stored as float16: how far search and the overlap of articles on a map change.

    python bench/half.py --db DIR --map NAME --questions FILE... [--articles 500]

The vectors of a table are read once and compared with themselves rounded to float16. Nothing is written. `kept@10` is
the share of a question's 10 nearest articles that stay among its 10 nearest, `same_order` that of the questions whose
10 nearest stay the same in the same order, `dist_change` the largest change of a distance. `recall@5` is the share of
an article's 5 nearest that are among its 5 nearest on the map, by either kind of vectors.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from machine import machine
from vecindex.core.vectors import F32
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model
from vecindex.store.database import Database
from vecindex.store.maps import columns_and_positions
from vecindex.verbs.questions.reader import read

_BLOCK = 128


def nearest(vectors: F32, queries: F32, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (q, k) rows of the highest dot products, the highest first, and these."""
    rows, values = [], []
    for at in range(0, len(queries), _BLOCK):
        dots = queries[at : at + _BLOCK] @ vectors.T
        top = np.argpartition(-dots, k, axis=1)[:, :k]
        found = np.take_along_axis(dots, top, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        rows.append(np.take_along_axis(top, order, axis=1))
        values.append(np.take_along_axis(found, order, axis=1))
    return np.concatenate(rows), np.concatenate(values)


def common(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean share of each row's numbers that the same row of the other has."""
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(one.tolist(), other.tolist(), strict=True)]))


def main() -> None:
    """Measure, and print a row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", required=True)
    parser.add_argument("--map", default="map")
    parser.add_argument("--questions", nargs="+", required=True)
    parser.add_argument("--articles", type=int, default=500)
    given = parser.parse_args()
    table = Database(given.db).articles("articles")
    _, vectors = table.vectors()
    _, positions = columns_and_positions(table, ["id"], [given.map])
    xy = positions[given.map]
    texts = [one.text for file in given.questions for one in read(file).questions]
    questions = LightEncoder(find_model(table.fingerprint.model)).embed_texts(texts)
    rounded = vectors.astype(np.float16).astype(np.float32)
    started = time.perf_counter()
    (full, dots), (half, half_dots) = (nearest(one, questions, 10) for one in (vectors, rounded))
    drawn = np.random.default_rng(0).choice(len(vectors), given.articles, replace=False)
    recalls = []
    for kind in (vectors, rounded):
        true = nearest(kind, kind[drawn], 6)[0]
        shown = [np.argpartition(((xy - xy[i]) ** 2).sum(axis=1), 6)[:6] for i in drawn]
        pairs = zip(drawn.tolist(), true.tolist(), (one.tolist() for one in shown), strict=True)
        recalls.append(float(np.mean([len((set(a) - {i}) & (set(b) - {i})) / 5 for i, a, b in pairs])))
    row = {
        "bench": "half",
        "rows": len(vectors),
        "dimension": vectors.shape[1],
        "questions": len(questions),
        "kept@10": common(full, half),
        "same_order": float(np.mean((full == half).all(axis=1))),
        "dist_change": float(np.abs(dots - half_dots).max()),
        "articles": given.articles,
        "recall@5": recalls[0],
        "recall@5_half": recalls[1],
        "mb": vectors.nbytes / 1e6,
        "mb_half": vectors.nbytes / 2e6,
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps({**row, **machine()}))


if __name__ == "__main__":
    main()
