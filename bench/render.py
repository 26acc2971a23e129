"""Make docs/benchmarks.md of the rows in `bench/results/`.

    python bench/render.py [--check] [--results DIR] [--out FILE.md]

Of each case the last full run counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.page import page

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"


def main() -> int:
    """Write the page, or say whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 for a page that is not current"
    )
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    made = page(args.results)
    if args.check:
        return int(args.out.read_text(encoding="utf-8") != made)
    args.out.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
