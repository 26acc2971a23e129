"""Exports to each format: seconds, peak memory and size, beside what one would write with pandas or pyarrow alone.

    python bench/export.py --db DIR [--rounds 2] [--formats parquet jsonl csv json npy atlas]

Each export runs in a process of its own, in turn with its alternative: `table.to_arrow()` of the same columns,
and then pandas (`to_parquet`, `to_json`, `to_csv`) where it is installed, else pyarrow's own writers of a whole
table, and `json` for JSON. The alternative gets the columns that vecindex would write, no more. Memory is the peak
of the process, with that of a process that only opened the table beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from machine import machine

FORMATS = ("parquet", "parquet-vectors", "jsonl", "csv", "json", "npy", "atlas")
ENDINGS = {"parquet-vectors": "parquet", "atlas": "parquet"}


def by_vecindex(kind: str, db: str, out: Path) -> int:
    """Export; return the rows."""
    import vecindex

    options: dict[str, Any] = {"parquet-vectors": {"vectors": True}, "atlas": {"tool": "embedding-atlas"}}.get(
        kind, {}
    )
    return vecindex.open(db).export(out, **options).rows


def columns_of(kind: str, names: list[str]) -> list[str]:
    """Return the columns that vecindex writes."""
    inner = {"content_hash", "vector", "vector_hash", "txn", "ingested_at"}
    if kind == "npy":
        return ["id", "vector"]
    if kind == "json":
        inner |= {"text", "n_tokens", "truncated"}
    return [n for n in names if n not in inner] + (["vector"] if kind == "parquet-vectors" else [])


def by_others(kind: str, db: str, out: Path) -> int:
    """Write the same columns with whole-table tools; return the rows."""
    import lancedb
    import numpy as np

    table = lancedb.connect(db).open_table("articles")
    columns = columns_of(kind, table.schema.names)
    rows = table.search().select(columns).limit(table.count_rows()).to_arrow()
    if kind == "npy":
        np.save(out, np.stack(rows["vector"].to_numpy()))
        out.with_suffix(".ids.json").write_text(json.dumps(rows["id"].to_pylist()))
    elif importlib.util.find_spec("pandas"):
        frame = rows.to_pandas()
        if out.suffix == ".parquet":
            frame.to_parquet(out)
        elif out.suffix == ".csv":
            frame.to_csv(out, index=False)
        else:
            frame.to_json(out, orient="records", lines=kind == "jsonl")
    elif out.suffix == ".parquet":
        import pyarrow.parquet as pq

        pq.write_table(rows, out)
    elif out.suffix == ".csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(rows, out)
    else:
        lines = [json.dumps(row) for row in rows.to_pylist()]
        out.write_text("\n".join(lines) if kind == "jsonl" else f"[{','.join(lines)}]")
    return int(rows.num_rows)


def open_only(db: str) -> int:
    """Open the table with what both ways need; return its rows."""
    import vecindex

    return vecindex.open(db).status().rows


def child(way: str, kind: str, db: str) -> dict[str, Any]:
    """Be one of the measured processes."""
    with tempfile.TemporaryDirectory(dir=Path(db).parent) as folder:
        out = Path(folder) / f"out.{ENDINGS.get(kind, kind)}"
        begun = time.perf_counter()
        rows = {"vecindex": by_vecindex, "others": by_others}[way](kind, db, out) if way != "open" else open_only(db)
        seconds = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": round(seconds, 2), "peak_mb": round(peak / 1e3), "mb": round(size / 1e6, 1), "rows": rows}


def main() -> None:
    """Measure, or be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "export.jsonl")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(child(*args.child, args.db)))
        return
    by = "pandas" if importlib.util.find_spec("pandas") else "pyarrow"
    plan = [("open", "parquet", 0)]
    plan += [
        (way, kind, number)
        for kind in args.formats
        for number in range(args.rounds)
        for way in ("vecindex", "others")
        # Nothing else makes the lists of neighbors.
        if not (way == "others" and kind == "atlas")
    ]
    for way, kind, number in plan:
        command = [sys.executable, __file__, "--db", args.db, "--child", way, kind]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row = {"bench": "export", "way": by if way == "others" else way, "format": kind, "round": number, **found}
        with args.out.open("a") as file:
            file.write(json.dumps({**row, **machine()}) + "\n")
        print(row, flush=True)


if __name__ == "__main__":
    main()
