"""What questions keep on the stored maps of a table, next to the ceiling that `overlap` reports.

    python bench/ceiling.py --db DIR --questions FILE ... [--k 5 10] [--maps map anchored]

Each file of questions is measured by `vecindex overlap` at each k, on all maps or on some. The database is only read,
if the questions' vectors are in it. Each file and k adds a row; compare the overlap of a map that was not laid out
for the questions with its ceiling, and see how far an anchored one is above it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from machine import machine


def measure(db: str, questions: str, k: int, maps: list[str] | None) -> dict[str, Any]:
    """Return the figures of each map for the questions of a file."""
    import vecindex

    found = vecindex.open(db).overlap(questions, k=k)
    hits = {row.id: {name: of["search"].overlap for name, of in row.maps.items()} for row in found.rows}
    cliques = {row.id: row.clique for row in found.rows}
    return {
        "articles": found.articles,
        "questions": found.questions,
        "k": k,
        "clique_ceiling": found.space.clique_ceiling,
        "maps": {
            one.name: {
                f"overlap@{k}": one.search.overlap.mean,
                "ceiling": one.ceiling.mean if one.ceiling else None,
                "cliques_kept": one.cliques_kept,
                "self_recall": one.self_recall.mean,
                "above their clique": sum(k * hits[i][one.name] > size + 0.5 for i, size in cliques.items() if size)
                / len(cliques),
            }
            for one in found.maps
            if maps is None or one.name in maps
        },
        "seconds": found.seconds,
    }


def main() -> None:
    """Measure, and write a row for each file and k."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--questions", nargs="+", required=True)
    parser.add_argument("--k", type=int, nargs="+", default=[5])
    parser.add_argument("--maps", nargs="+")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "ceiling.jsonl")
    args = parser.parse_args()
    for file in args.questions:
        for k in args.k:
            found = {"file": Path(file).stem, **measure(args.db, file, k, args.maps)}
            with args.out.open("a") as out:
                out.write(json.dumps({"bench": "ceiling", **found, **machine()}) + "\n")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
