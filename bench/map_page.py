"""A map as a page and as a picture: seconds by stage, peak memory, size of the files.

    python bench/map_page.py --db DIR [--map NAME] [--questions FILE] [--out FILE.jsonl]

The peak is that of the process so far: after the picture was put together, after the page was written, and after the
PNG was. The vectors of the questions should be in the database already, or the model's loading counts in "questions".
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import vecindex
from machine import machine


def peak_mb() -> float:
    """Return the peak of this process's resident memory in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Make the page and the picture once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--map")
    parser.add_argument("--questions")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "map_page.jsonl")
    args = parser.parse_args()
    begun = time.perf_counter()
    result = vecindex.open(args.db).map(args.questions, map=args.map)
    row = {
        "bench": "map_page",
        "map": result.picture.map,
        "articles": len(result.picture),
        "questions": len(result.picture.questions),
        "topics": result.topics,
        "labels": len(result.picture.topics),
        "snippet": result.snippet,
        "seconds": {name: round(value, 2) for name, value in result.seconds.items()},
        "picture_s": round(time.perf_counter() - begun, 2),
        "picture_peak_mb": round(peak_mb()),
    }
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("html", "png"):
            begun = time.perf_counter()
            written = result.write(Path(folder) / f"map.{suffix}")
            row |= {
                f"{suffix}_s": round(time.perf_counter() - begun, 2),
                f"{suffix}_mb": round(written.bytes / 1e6, 2),
                f"{suffix}_peak_mb": round(peak_mb()),
            }
    print(row)
    with args.out.open("a") as stream:
        stream.write(json.dumps({**row, **machine()}) + "\n")


if __name__ == "__main__":
    main()
