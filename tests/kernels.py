"""Compiles the loops of maps and lenses into the cache next to them, once for all test processes.

    python tests/kernels.py

Left to the tests, each of several processes that start at once would compile them.
"""

from __future__ import annotations

import numpy as np

from vecindex.maps.lens import lens
from vecindex.maps.repulsion import FEW
from vecindex.types import Silent
from vecindex.verbs.project.forecast import compile_loops


def main() -> None:
    """Call each of them with arguments of the types that the library uses."""
    for articles, questions in ((FEW, 0), (FEW + 1, 0), (FEW + 1, 1)):
        compile_loops(articles, questions, Silent())
    vectors = np.eye(8, dtype=np.float32)
    lens(vectors, np.linspace(0.0, 1.0, len(vectors)))


if __name__ == "__main__":
    main()
