"""New rows placed on a map that is there, against making the map anew: seconds, peak memory, and what both keep.

    python bench/update.py RECORDS.parquet VECTORS.npy --db DIR [--new 10000] [--rounds 3] [-- INGEST OPTIONS]
    python bench/update.py RECORDS.parquet VECTORS.npy --db DIR --new 7000 --retitled 3000 --embedded-by FOLDER ...

All rows but the last `--new` are ingested with their vectors into DIR and mapped, unless a former run did. That is
what one would otherwise do again. Then the last rows come, which neither the map nor its neighbor graph has seen, and
`vecindex project --update` places them, in each round on a copy of the same database. Seconds are those of the whole
command, as a user waits for it. The old positions are compared before and after.

With `--retitled` so many old rows come again with another title. Half of them keep their vectors; those of the others
are of the new text, by the sentence-transformers model in the folder `--embedded-by`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from machine import machine


def run(*arguments: str) -> tuple[dict[str, Any], float, float]:
    """Run vecindex; return what it told as JSON, its seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "vecindex.cli.app", *arguments, "--json"]
    begun, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as out, subprocess.Popen(command, stdout=out) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        out.seek(0)
        told = out.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return json.loads(told), seconds, peak


def retitled(records: pa.Table, vectors: np.ndarray, some: np.ndarray, model: str, tokens: int) -> tuple[Any, Any]:
    """Return these rows with another title, and their vectors: of the first half the old ones."""
    from sentence_transformers import SentenceTransformer

    again = records.take(pa.array(some))
    titles = [f"{title}, revised" for title in again["title"].to_pylist()]
    again = again.set_column(again.schema.get_field_index("title"), "title", pa.array(titles))
    half, found = len(some) // 2, np.array(vectors[some])
    parts = zip(titles, again["section"].to_pylist(), again["text"].to_pylist(), strict=True)
    texts = [f"{title}: {section}\n{text}" for title, section, text in parts][half:]
    encoder = SentenceTransformer(model, device="cpu")
    encoder.max_seq_length = tokens
    new = encoder.encode(texts, normalize_embeddings=True)
    # As the others are: int8 values of the same range, or the vectors themselves.
    if found.dtype == np.int8:
        new = np.rint(new / np.abs(new).max(axis=1, keepdims=True) * 127).astype(np.int8)
    found[half:] = new
    return again, found


def far(before: dict[str, Any], after: dict[str, Any], some: list[str]) -> dict[str, float]:
    """Return how far some articles are from where they were, in units of the map's width."""
    xy = np.array(list(before.values()))
    width = float(np.ptp(xy, axis=0).max())
    gone = np.array([np.hypot(*np.subtract(after[i], before[i])) for i in some]) / width
    return {
        "rows": len(some),
        "same": int((gone == 0).sum()),
        "median": float(np.median(gone)),
        "p95": float(np.quantile(gone, 0.95)),
        "max": float(gone.max()),
    }


def places(db: str) -> dict[str, tuple[float, float]]:
    """Return where the articles of the map are."""
    from vecindex.store.database import Database
    from vecindex.store.maps import columns_and_positions

    (ids,), positions = columns_and_positions(Database(Path(db)).articles("articles"), ["id"], ["map"])
    pairs = zip(ids.to_pylist(), positions["map"], strict=True)
    return {i: (float(x), float(y)) for i, (x, y) in pairs if np.isfinite(x)}


def means(recall: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the mean under each k."""
    return {k: round(one["mean"], 4) for k, one in recall.items()}


def prepared(args: argparse.Namespace, options: list[str], folder: Path) -> dict[str, Any]:
    """Make the table and its map, then ingest the rows to be placed; return what there was before these."""
    records, vectors = pq.read_table(args.records), np.load(args.vectors, mmap_mode="r")
    old = len(records) - args.new
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    some = np.sort(np.random.default_rng(0).permutation(old)[: args.retitled])
    np.random.default_rng(1).shuffle(some)
    came, came_vectors = records.slice(old), vectors[old:]
    if args.retitled:
        again, again_vectors = retitled(records, vectors, some, args.embedded_by, args.tokens)
        came, came_vectors = pa.concat_tables([came, again]), np.concatenate([came_vectors, again_vectors])
    ids = records["id"].take(pa.array(some)).to_pylist()
    for name, rows, of_them in (("old", records.slice(0, old), vectors[:old]), ("new", came, came_vectors)):
        parts.append((str(folder / f"{name}.parquet"), str(folder / f"{name}.npy")))
        pq.write_table(rows, parts[-1][0])
        np.save(parts[-1][1], of_them)
    run("ingest", parts[0][0], "--vectors", parts[0][1], "--db", args.db, *options)
    made, seconds, peak = run("project", "--db", args.db)
    before = places(args.db)
    run("ingest", parts[1][0], "--vectors", parts[1][1], "--db", args.db, *options)
    making = {
        "made_seconds": seconds,
        "made_peak_mb": peak,
        "made_stages": made["seconds"],
        "made_recall": means(made["scores"]["recall"]),
    }
    half = args.retitled // 2
    return {"before": before, "made": making, "same_vector": ids[:half], "new_vector": ids[half:]}


def main() -> None:
    """Prepare, update, and write a row for each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records")
    parser.add_argument("vectors")
    parser.add_argument("--db", required=True)
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--retitled", type=int, default=0)
    parser.add_argument("--embedded-by", help="folder of the model")
    parser.add_argument("--tokens", type=int, default=96, help="that this model reads")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "update.jsonl")
    args, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    folder = Path(f"{args.db}.parts")
    known = folder / "prepared.json"
    if not known.exists():
        known.write_text(json.dumps(prepared(args, options, folder)))
    before, made, same_vector, new_vector = json.loads(known.read_text()).values()
    changed = set(new_vector)
    taken = []
    for number in range(args.rounds):
        copy = f"{args.db}.round"
        shutil.copytree(args.db, copy)
        told, seconds, peak = run("project", "--update", "--db", copy)
        after = places(copy)
        row = {
            "bench": "update",
            "round": number,
            "articles": len(after),
            "new": told["placed"]["articles"],
            "seconds": seconds,
            "stages": {name: round(value, 1) for name, value in told["seconds"].items()},
            "peak_mb": peak,
            "kept": told["placed"]["kept"],
            "copies": told["placed"]["copies"],
            "moved": sum(after[i] != tuple(place) for i, place in before.items() if i not in changed),
            "retitled": {
                "same_vector": far(before, after, same_vector),
                "new_vector": far(before, after, new_vector),
            }
            if args.retitled
            else None,
            "new_recall": means(told["placed"]["recall"]),
            "old_recall": means(told["placed"]["old_recall"]),
            "recall": means(told["scores"]["recall"]),
            **made,
            **machine(),
        }
        with args.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        taken.append(seconds)
        print(f"updated in {seconds:.1f} s ({peak:.0f} MB), {row['moved']} old places moved", flush=True)
        shutil.rmtree(copy)
    median, making = statistics.median(taken), made["made_seconds"]
    print(f"median {median:.1f} s, {making / median:.1f} times as quick as the whole map anew ({making:.0f} s)")


if __name__ == "__main__":
    main()
