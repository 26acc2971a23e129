"""Does `vecindex overlap` agree with an independent computation, question by question?

    python bench/agree.py --db DIR --map NAME QUESTIONS... [--out FILE.jsonl]

Everything is done again with numpy alone, by sorting all distances in float64: the nearest articles of each question,
the nearest articles on the map at its best position and at the means of all subsets of the nearest, the overlap. Only
vectors and coordinates are read from the table, the questions' vectors from the store, and the best positions from
the result. It prints how many questions differ, or are below those means: none should.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations
from pathlib import Path

import numpy as np

import vecindex
from machine import machine

K = 5


def columns(db: str, name: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return ids, vectors and places in the order of the ids."""
    import lancedb

    table = lancedb.connect(db).open_table("articles").to_lance()
    found = table.to_table(columns=["id", "vector", f"{name}_x", f"{name}_y"])
    ids = found["id"].to_pylist()
    order = sorted(range(len(ids)), key=ids.__getitem__)
    vectors = found["vector"].combine_chunks().flatten().to_numpy().reshape(len(ids), -1)[order]
    places = np.stack([found[f"{name}_{axis}"].to_numpy().astype(np.float64) for axis in "xy"], axis=1)[order]
    return [ids[i] for i in order], vectors, places


def asked(db: str) -> dict[str, np.ndarray]:
    """Return the stored vector of each question's text."""
    import lancedb

    found = lancedb.connect(db).open_table("questions").to_arrow()
    vectors = [np.array(v, dtype=np.float64) for v in found["vector"].to_pylist()]
    return dict(zip(found["text"].to_pylist(), vectors, strict=True))


def nearest(dist: np.ndarray) -> list[int]:
    """Return the K nearest rows by (dist, row)."""
    some = np.flatnonzero(dist <= np.partition(dist, K - 1)[K - 1])
    return [int(i) for i in sorted(some, key=lambda i: (dist[i], i))[:K]]


def overlap_at(place: np.ndarray, targets: list[int], places: np.ndarray) -> float:
    """Return the overlap at a position."""
    dist = np.sqrt(((places - place) ** 2).sum(axis=1))
    return len(set(nearest(dist)) & set(targets)) / K


def best_of_means(targets: list[int], places: np.ndarray) -> float:
    """Return the highest overlap over the means of all subsets of the targets, which the best position reaches."""
    sets = (chosen for size in range(1, K + 1) for chosen in combinations(targets, size))
    return max(overlap_at(places[list(chosen)].mean(axis=0), targets, places) for chosen in sets)


def main() -> None:
    """Compute it again, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--db", required=True)
    parser.add_argument("--map", required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "agree.jsonl")
    args = parser.parse_args()
    for file in args.questions:
        result = vecindex.open(args.db).overlap(file, k=K, map=args.map)
        ids, vectors, places = columns(args.db, args.map)
        known = asked(args.db)
        begun = time.perf_counter()
        other_neighbors = other_overlap = below_means = 0
        values = []
        for row in result.rows:
            # Distances are compared as float32 numbers, as vecindex documents.
            dist = np.empty(len(ids))
            for at in range(0, len(ids), 16_384):
                part = vectors[at : at + 16_384].astype(np.float64)
                dist[at : at + len(part)] = (1 - (part * known[row.text]).sum(axis=1)).astype(np.float32)
            targets = nearest(dist)
            other_neighbors += [ids[t] for t in targets] != [n.id for n in row.neighbors]
            told_at = row.maps[args.map]["search"]
            values.append(overlap_at(np.array([told_at.x, told_at.y], dtype=np.float64), targets, places))
            other_overlap += abs(values[-1] - told_at.overlap) > 1e-9
            below_means += values[-1] < best_of_means(targets, places) - 1e-9
        told = result.maps[0].search.overlap.mean
        found = {
            "questions": len(values),
            "articles": len(ids),
            "overlap@5 told": told,
            "overlap@5 again": float(np.mean(values)),
            "questions with other neighbors": other_neighbors,
            "questions with another overlap": other_overlap,
            "questions below the means of subsets": below_means,
            "verdict": result.verdict,
            "seconds": round(time.perf_counter() - begun, 1),
        }
        print(Path(file).name, args.map, found, flush=True)
        with args.out.open("a") as stream:
            about = {"bench": "agree", "set": Path(file).name, "map": args.map}
            stream.write(json.dumps({**about, **found, **machine()}) + "\n")


if __name__ == "__main__":
    main()
