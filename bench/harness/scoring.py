"""What a map keeps, by the same code for all tools: `python -m harness.scoring VECTORS.npy XY.npy [SAMPLE]`."""

from __future__ import annotations

import json
import sys

import numpy as np


def main() -> None:
    """Print the scores of a map."""
    from vecindex.types import Silent
    from vecindex.verbs.scores.scores import score_map

    vectors, xy = np.load(sys.argv[1]), np.load(sys.argv[2])
    sample = int(sys.argv[3]) if len(sys.argv) > 3 else 5_000
    scores = score_map(vectors, xy, sample=sample, seed=0, observer=Silent())
    found = {f"recall@{k}": round(one.mean, 4) for k, one in scores.recall.items() if one is not None}
    for name in ("trustworthiness", "continuity"):
        found[name] = round(getattr(scores.fidelity, name).mean, 4)
    print(json.dumps({**found, "sample": scores.sample}))


if __name__ == "__main__":
    main()
