"""How long `vecindex serve` takes to answer: typed questions, searches, and the parts of a map.

    python bench/serve.py DB [--map NAME] --questions FILE [--typed 60] [--out bench/results/serve.jsonl]

Starts the command on a free port and asks it over HTTP, one request after the other, then questions from four threads
at once. Each question is new to the server: a word is put before it, so that its vector is made and not found. The
picture of the map and the first question, which loads the model and the vectors, are told by themselves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from machine import machine

K = 5


def ask(url: str, body: Any = None) -> bytes:
    """Return what an address answers."""
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, sent, {"Content-Type": "application/json", "Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        found: bytes = answer.read()
        return found


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds of a call."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def told(seconds: Sequence[float]) -> dict[str, Any]:
    """Return the median, the 95th percentile and all of them."""
    ordered = sorted(seconds)
    return {
        "median_s": round(statistics.median(ordered), 4),
        "p95_s": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 4),
        "all_s": [round(s, 4) for s in seconds],
    }


def texts_of(file: Path) -> list[str]:
    """Return the questions of a file of JSON lines."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [row.get("question") or row["text"] for row in rows]


def measured(url: str, name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the figures of a server that has just been started."""
    found: dict[str, Any] = {}
    found["first_header_s"] = round(timed(lambda: ask(f"{url}api/maps/{name}/header")), 3)
    header = json.loads(ask(f"{url}api/maps/{name}/header"))
    parts = ["points", f"color:{header['colorings'][0]['key']}"]

    def drawn() -> None:
        ask(f"{url}api/maps/{name}/header")
        for part in parts:
            ask(f"{url}api/maps/{name}/sections/{part.replace(':', '%3A')}")

    found["header_and_points"] = told([timed(drawn) for _ in range(20)])
    found["texts_s"] = round(timed(lambda: [ask(f"{url}api/maps/{name}/sections/{p}") for p in ("titles", "ids")]), 4)

    def question(text: str) -> None:
        ask(f"{url}api/questions", {"text": text, "map": name, "k": K})

    found["first_question_s"] = round(timed(lambda: question("the very first question")), 3)
    found["typed_question"] = told([timed(lambda t=t: question(f"well, {t}")) for t in texts])  # type: ignore[misc]
    found["asked_again"] = told([timed(lambda t=t: question(f"well, {t}")) for t in texts[:20]])  # type: ignore[misc]
    search = [timed(lambda t=t: ask(f"{url}api/search", {"text": t, "k": 10})) for t in texts]  # type: ignore[misc]
    found["search"] = told(search)
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(lambda t: timed(lambda: question(f"now, {t}")), texts))
    found["four_at_once"] = told(at_once)
    return found


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db")
    parser.add_argument("--map", default="map")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--typed", type=int, default=60)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "serve.jsonl")
    args = parser.parse_args()
    row = {"bench": "serve", "map": args.map, "k": K, **machine()}
    command = [sys.executable, "-m", "vecindex.cli.app", "serve", "--db", args.db, "--map", args.map]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            row["start_s"] = round(time.perf_counter() - begun, 3)
            peak, stop = [0], threading.Event()

            def watch() -> None:
                process = psutil.Process(server.pid)
                while not stop.wait(0.2):
                    peak[0] = max(peak[0], process.memory_info().rss)

            watcher = threading.Thread(target=watch, daemon=True)
            watcher.start()
            version = json.loads(ask(f"{url}api/version"))
            row |= {"rows": version["rows"]} | measured(url, args.map, texts_of(args.questions)[: args.typed])
            stop.set()
            watcher.join()
            row["peak_mb"] = round(peak[0] / 1e6)
        finally:
            server.terminate()
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    for name in ("typed_question", "asked_again", "search", "four_at_once", "header_and_points"):
        print(f"{name}: median {row[name]['median_s']:.3f} s, 95 % within {row[name]['p95_s']:.3f} s")
    print(f"start {row['start_s']} s, first picture {row['first_header_s']} s")
    print(f"first question {row['first_question_s']} s; peak {row['peak_mb']} MB over {row['rows']:,} rows")


if __name__ == "__main__":
    main()
