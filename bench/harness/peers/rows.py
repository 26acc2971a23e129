"""What the scripts of tools share: rows of a file, and the three things that each can be asked.

    python SCRIPT.py run STORE FILE.jsonl    embed what a user's script would embed, and store it
    python SCRIPT.py count STORE             print how many vectors are stored
    python SCRIPT.py vector STORE ID         print one of them, as JSON, or null

These scripts run in the environments of the tools and import nothing of vecindex.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def read(path: str) -> list[dict[str, str]]:
    """Return the rows of a file of JSON lines."""
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Net:
    """CPU and wall seconds without what came before: imports and the loading of the model."""

    def __init__(self) -> None:
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def show(self) -> None:
        """Print them as the last line."""
        print(
            json.dumps({"net_cpu_s": time.process_time() - self.cpu, "net_wall_s": time.perf_counter() - self.wall})
        )


def parquet_count(store: Path) -> int:
    """Return the rows of `STORE/out.parquet`, which a plain script writes at its end."""
    import pyarrow.parquet as pq

    path = store / "out.parquet"
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0


def parquet_vector(store: Path, key: str) -> Any:
    """Return one vector of it."""
    import pyarrow.parquet as pq

    path = store / "out.parquet"
    table = pq.read_table(path, filters=[("id", "==", key)]) if path.exists() else []
    return table.column("vector")[0].as_py() if len(table) else None


def lance_count(table: Any) -> int:
    """Return the rows of an open LanceDB table."""
    return int(table.count_rows())


def lance_vector(table: Any, key: str, column: str = "vector") -> Any:
    """Return one vector of it."""
    rows = table.search().where(f"id = '{key}'").limit(2).to_arrow()
    return rows.column(column)[0].as_py() if len(rows) == 1 else None


def answer(
    run: Callable[[Path, str], None], count: Callable[[Path], int], vector: Callable[[Path, str], Any]
) -> None:
    """Do what the command line asks for."""
    what, store = sys.argv[1], Path(sys.argv[2])
    store.mkdir(parents=True, exist_ok=True)
    if what == "run":
        run(store, sys.argv[3])
    elif what == "count":
        print(json.dumps({"count": count(store)}))
    else:
        print(json.dumps({"vector": vector(store, sys.argv[3])}))
