"""What the scripts of searches share.

python SCRIPT.py build STORE FOLDER      store the texts and vectors of a folder, as the tool stores them
python SCRIPT.py ask STORE QUESTION      one question, from a cold start; print the ids of its ten nearest
python SCRIPT.py loop STORE              the same for each line of standard input, in a warm process
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rows

K = 10


def data(folder: str) -> tuple[list[dict[str, str]], Any]:
    """Return the rows and vectors of a folder."""
    import numpy as np

    return rows.read(f"{folder}/articles.jsonl"), np.load(f"{folder}/vectors.npy")


def answer(build: Callable[[Path, str], None], opened: Callable[[Path], Callable[[str], list[str]]]) -> None:
    """Do what the command line asks for; `opened` returns what answers questions."""
    what, store = sys.argv[1], Path(sys.argv[2])
    if what == "build":
        store.mkdir(parents=True)
        build(store, sys.argv[3])
        return
    ask = opened(store)
    if what == "ask":
        print(json.dumps({"ids": ask(sys.argv[3])}))
        return
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"ids": ask(json.loads(line))}), flush=True)
