"""Vectors in a .npy file: nothing in it is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vecindex.errors import SourceError
from vecindex.sources.vectors import open_vectors


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("kind", ["a pickle", "an array of objects"])
def test_a_pickle_in_place_of_the_array_is_refused_and_not_run(tmp_path: Path, kind: str) -> None:
    harm, file = Touches(tmp_path / "harm"), tmp_path / "v.npy"
    if kind == "a pickle":
        file.write_bytes(pickle.dumps(harm))
    else:
        np.save(file, np.array([harm], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match=r"cannot be read as a \.npy array"):
        open_vectors(file)
    assert not harm.path.exists()


def test_the_pickle_would_run_if_it_were_read(tmp_path: Path) -> None:
    harm = Touches(tmp_path / "harm")
    pickle.loads(pickle.dumps(harm))
    assert harm.path.exists()
