"""How long an installation into a fresh environment takes, and how much disk it needs.

python bench/install.py [--extras offline] [--out bench/results/install.jsonl]

Installs the project itself with the versions of constraints.txt, by pip with an empty cache. The time holds the
downloads, so it tells of the network and the package index too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", default="offline", help="extras to install, separated by commas")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "install.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv/bin/python"
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "-c", ROOT / "constraints.txt"]
        # Alone and first, as `make` does, so that no other requirement chooses another build of it.
        subprocess.run([*install, "torch==2.13.0"], check=True)
        subprocess.run([*install, f"{ROOT}[{args.extras}]"], check=True)
        seconds = time.perf_counter() - start
        packages = next((python.parents[1] / "lib").glob("python*")) / "site-packages"
        sizes = {path.name: size_of(path) for path in packages.iterdir()}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:8]
    row = {
        "bench": "install",
        "extras": args.extras,
        "seconds": round(seconds, 1),
        "disk_mb": round(sum(sizes.values()) / 1e6),
        "largest_mb": {name: round(size / 1e6) for name, size in largest},
        **machine(),
    }
    with args.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(f"{row['seconds']} s, {row['disk_mb']} MB")


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]
    return sum(found.stat().st_size for found in files)


if __name__ == "__main__":
    main()
