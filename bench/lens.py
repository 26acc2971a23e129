"""Lenses of questions: what they keep, what the map keeps of the same articles, and how long they take.

    python bench/lens.py QUESTIONS... --db DIR [--map NAME] [--sizes 30 50 100] [--most 400]

The table is loaded as `vecindex serve` loads it, and each question is asked before its lens is, as its page does. So
`answer` is the time of the lens after the answer, and `layout` the part of it that lays the articles out, in
milliseconds of the wall clock and of the processor. Questions whose vectors the table `questions` has are not
embedded; nothing is written to the database.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from machine import machine

TIMES = (50, 95)
"""The percentiles of times."""


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what the work gives, with its milliseconds of the wall clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)


def mutual_on_map(near: np.ndarray, xy: np.ndarray) -> float:
    """Return the share of `near` (m, f) that are among the f nearest, of these articles, at positions (m, 2)."""
    dist = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    np.fill_diagonal(dist, np.inf)
    shown = np.argsort(np.nan_to_num(dist, nan=np.inf), axis=1)[:, : near.shape[1]]
    return float((near[:, :, None] == shown[:, None]).any(axis=2).mean())


def measured(loaded: Any, vectors: np.ndarray, size: int, map_name: str) -> dict[str, Any]:
    """Return the figures of lenses of so many articles."""
    from vecindex.verbs.lens.layout import laid_out

    figures: dict[str, list[float]] = {}
    for vector in vectors:
        loaded.around_question(vector, 5, map_name)
        (around, layout), wall, cpu = timed(lambda vector=vector: loaded.lens_of_question(vector, size))
        rows = loaded.rows_of([one.id for one in around.nearest])
        order, unit = loaded.reader.vectors(rows)
        mine = unit[np.searchsorted(order, rows)]
        dist = np.array([one.dist for one in around.nearest])
        _, layout_wall, layout_cpu = timed(lambda mine=mine, dist=dist: laid_out(mine, dist))
        far = np.hypot(*layout.positions.T)
        for name, value in (
            ("overlap", layout.overlap),
            ("mutual", layout.mutual_recall),
            ("map", mutual_on_map(layout.near, loaded.reader.positions[map_name][rows])),
            ("radius", np.corrcoef(far, dist)[0, 1]),
            ("answer_wall_ms", wall),
            ("answer_cpu_ms", cpu),
            ("layout_wall_ms", layout_wall),
            ("layout_cpu_ms", layout_cpu),
        ):
            figures.setdefault(name, []).append(float(value))
    ms = {
        name: [round(v, 1) for v in np.percentile(figures[name], TIMES)] for name in figures if name.endswith("_ms")
    }
    return {
        "size": size,
        "questions": len(vectors),
        "overlap@5": {"mean": np.mean(figures["overlap"]), "least": min(figures["overlap"])},
        "mutual recall@5": {"lens": round(np.mean(figures["mutual"]), 4), "map": round(np.mean(figures["map"]), 4)},
        "least correlation of radius and distance": round(min(figures["radius"]), 6),
        "percentiles": TIMES,
        **ms,
    }


def main() -> None:
    """Measure each file and size, and write a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--db", required=True)
    parser.add_argument("--map", default="map")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 50, 100])
    parser.add_argument("--most", type=int, default=400, help="questions of a file, the first ones")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "lens.jsonl")
    args = parser.parse_args()
    from vecindex.options import ModelOptions, checked
    from vecindex.store.database import Database
    from vecindex.types import Silent
    from vecindex.verbs.lens.layout import make_ready
    from vecindex.verbs.overlap.live import LoadedTable
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import read
    from vecindex.verbs.questions.vectors import question_vectors

    _, ready_ms, _ = timed(make_ready)
    database, model, options = Database(args.db), QuestionModel(), checked(ModelOptions, ModelOptions())
    table = database.articles("articles")
    loaded = LoadedTable(table)
    for file in args.questions:
        asked, stored = read(file), table.fingerprint
        vectors, made = question_vectors(database, asked, stored, table.where, options, model, Silent(), keep=False)
        loaded.around_question(vectors[0], 5, args.map)
        for size in args.sizes:
            row = {
                "bench": "lens",
                "set": asked.name,
                "articles": table.count(),
                "map": args.map,
                "embedded": made,
                **measured(loaded, vectors[: args.most], size, args.map),
                "make_ready_ms": round(ready_ms),
                **machine(),
            }
            print(json.dumps(row), flush=True)
            with args.out.open("a") as out:
                out.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
