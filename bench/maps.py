"""Maps of a table: `vecindex project` against umap-learn at its defaults, and others, on the same vectors.

    python bench/maps.py --db DIR [--seeds 0 1 2] [--ways local umap-learn] [--questions FILE ...]

Each way is a process of its own, with its own time and peak memory. "local" is `vecindex project` from the vectors in
the table to scored columns in it, once with the neighbor graph to be made and once ("rebuilt") with the stored one.
"umap-learn", "openTSNE" and "pacmap" are fitted at their defaults on vectors that are in memory already; "joint" is
umap-learn on articles and questions together, as some do, its questions measured where they were fitted as well.
Their maps are scored by the same code, outside the time. CPU seconds are of the whole process, imports included.
The database is written to: columns named bench_*, which are dropped at the end.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from machine import machine

WAYS = ("local", "local rebuilt", "umap-learn", "openTSNE", "pacmap", "joint")


def vectors_of(db: str) -> tuple[list[str], np.ndarray]:
    """Return the ids and vectors of the table."""
    from vecindex.store.articles import as_matrix
    from vecindex.store.database import Database

    table = Database(Path(db)).articles("articles")
    d, ids, parts = table.fingerprint.dimension, [], []
    for batch in table.scan(["id", "vector"]):
        ids += batch.column("id").to_pylist()
        parts.append(as_matrix(batch.column("vector"), d))
    return ids, np.concatenate(parts)


def asked_vectors(db: str, files: list[str]) -> list[np.ndarray]:
    """Return the vectors of the questions of each file, from the store or by the model."""
    from vecindex.core.questions import QuestionSet
    from vecindex.options import ModelOptions, checked
    from vecindex.store.database import Database
    from vecindex.types import Silent
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import read
    from vecindex.verbs.questions.vectors import question_vectors

    database = Database(Path(db))
    table = database.articles("articles")
    found = []
    for name in files:
        asked: QuestionSet = read(name)
        vectors, _ = question_vectors(
            database, asked, table.fingerprint, table.where, checked(ModelOptions, {}), QuestionModel(), Silent()
        )
        found.append(vectors)
    return found


def scored(
    vectors: np.ndarray, xy: np.ndarray, asked: list[np.ndarray], names: list[str], fitted: np.ndarray | None = None
) -> dict[str, object]:
    """Return recall of 25,000 articles, and the questions' overlap at their best positions and where fitted."""
    from vecindex.core.overlap import found_in, overlap_at_k
    from vecindex.core.placement import place_by_search
    from vecindex.neighbors.exact import ExactSearch
    from vecindex.neighbors.plane import Plane
    from vecindex.types import Silent
    from vecindex.verbs.scores.scores import score_plane

    plane = Plane(xy)
    sample = np.sort(np.random.default_rng(0).permutation(len(xy))[:25_000])
    true, scores = score_plane(vectors, plane, sample, seed=0, observer=Silent())
    first = overlap_at_k(true.rows, plane.nearest(plane.xy[sample], 1, without=sample).rows, 1)
    row: dict[str, object] = {"recall@1": round(float(first.mean()), 4)}
    row |= {f"recall@{k}": round(v.mean, 4) for k, v in scores.recall.items()}
    row |= {name: round(getattr(scores.fidelity, name).mean, 4) for name in ("trustworthiness", "continuity")}
    row["entropy"] = round(scores.evenness.entropy, 4)
    at = 0
    for name, queries in zip(names, asked, strict=True):
        search = ExactSearch(queries, 5)
        for rows, block in blocks(vectors):
            search.add(rows, block)
        near = search.result().rows
        found = plane.nearest(place_by_search(near, plane.xy, plane.nearest), 50).rows
        hits = found_in(near, found[:, :5])
        row[f"{name} overlap@5"] = round(float(hits.mean()), 4)
        row[f"{name} 3 of 5"] = round(float((hits.sum(axis=1) >= 3).mean()), 4)
        row[f"{name} 5 in 50"] = round(float(found_in(near, found).mean()), 4)
        if fitted is not None:
            found = plane.nearest(fitted[at : at + len(queries)], 50).rows
            row[f"{name} overlap@5 where fitted"] = round(float(found_in(near, found[:, :5]).mean()), 4)
            row[f"{name} 5 in 50 where fitted"] = round(float(found_in(near, found).mean()), 4)
        at += len(queries)
    return row


def blocks(vectors: np.ndarray):  # type: ignore[no-untyped-def]
    """Yield rows and vectors."""
    for at in range(0, len(vectors), 16_384):
        part = vectors[at : at + 16_384]
        yield np.arange(at, at + len(part)), part


def run(way: str, db: str, seed: int, files: list[str]) -> dict[str, object]:
    """Make one map, and score it."""
    import vecindex

    names = [Path(f).stem for f in files]
    asked = asked_vectors(db, files)
    if way.startswith("local"):
        name = f"bench_{seed}"
        begun = time.perf_counter()
        result = vecindex.open(db).project(name, seed=seed, fresh=way == "local")
        seconds, cpu_s = time.perf_counter() - begun, time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        ids, vectors = vectors_of(db)
        from vecindex.store.database import Database
        from vecindex.store.maps import columns_and_positions

        (on_map,), positions = columns_and_positions(Database(Path(db)).articles("articles"), ["id"], [name])
        assert on_map.to_pylist() == ids
        xy = positions[name]
        told = {
            "stages": {k: round(v, 1) for k, v in result.seconds.items()},
            "graph": result.graph.how if result.graph else None,
            "graph_recall": result.graph.recall if result.graph else None,
            "moved": result.moved.median if result.moved else None,
        }
        return {"seconds": seconds, "cpu_s": cpu_s, "peak_mb": peak, **told, **scored(vectors, xy, asked, names)}
    ids, vectors = vectors_of(db)
    before = vectors if way != "joint" else np.concatenate([vectors, *asked])
    if way == "pacmap":
        import pacmap

        method = pacmap.PaCMAP(random_state=seed)
    elif way == "openTSNE":
        import openTSNE

        method = openTSNE.TSNE(random_state=seed)
    else:
        import umap

        method = umap.UMAP()
    begun = time.perf_counter()
    xy = np.asarray(method.fit(before) if way == "openTSNE" else method.fit_transform(before))
    seconds, cpu_s = time.perf_counter() - begun, time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    xy = xy.astype(np.float64)
    fitted = xy[len(vectors) :] if way == "joint" else None
    found = scored(vectors, xy[: len(vectors)], asked, names, fitted)
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mb": peak, **found}


def drop_graph(db: str) -> None:
    """Remove the stored neighbor graph, so that the next map makes it."""
    from vecindex.store.database import Database

    Database(Path(db)).connection.drop_table("_graph.articles", ignore_missing=True)


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["local", "local rebuilt", "umap-learn"])
    parser.add_argument("--questions", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "maps.jsonl")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(run(args.way, args.db, args.seeds[0], args.questions)))
        return
    taken: dict[str, list[float]] = {way: [] for way in args.ways}
    for seed in args.seeds:
        for way in args.ways:
            if way == "local":
                drop_graph(args.db)
            command = [sys.executable, __file__, "--db", args.db, "--way", way, "--seeds", str(seed)]
            command += ["--questions", *args.questions] if args.questions else []
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.strip().splitlines()[-1])
            with args.out.open("a") as file:
                file.write(json.dumps({"bench": "maps", "way": way, "seed": seed, **found, **machine()}) + "\n")
            taken[way].append(found["seconds"])
            print(way, seed, {k: round(v, 3) if isinstance(v, float) else v for k, v in found.items()}, flush=True)
    for way, seconds in taken.items():
        print(f"{way}: median {statistics.median(seconds):.0f} s")
    import vecindex

    for seed in args.seeds:
        if any(way.startswith("local") for way in args.ways):
            vecindex.open(args.db).project(f"bench_{seed}", drop=True)


if __name__ == "__main__":
    main()
