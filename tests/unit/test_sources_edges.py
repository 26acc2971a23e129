"""Decisions of the sources that an ordinary file never comes near."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest

from vecindex.sources.expand import glob_base
from vecindex.sources.files import InputFile
from vecindex.sources.pickles.shapes import is_progress_mark
from vecindex.sources.pickles.unpickle import load_pickle


@pytest.mark.parametrize(
    ("pattern", "base"),
    [
        ("a/b/*.jsonl", "a/b"),
        ("a/*/b/*.jsonl", "a"),
        ("a/b?/c/d.csv", "a"),
        ("*/a/b.csv", ""),
        ("/data/**/x/[ab].csv", "/data"),
    ],
)
def test_the_folder_before_the_first_wildcard(pattern: str, base: str) -> None:
    assert glob_base(pattern) == base


@pytest.mark.parametrize(
    ("value", "is_mark"),
    [
        ({"done": 3, "of": 9}, True),
        ({"done": 3, "ids": ["a", "b"]}, True),
        # Whole numbers beside a counter are positions; fractions, and the bytes of a quantized vector, are a vector.
        ({"done": 3, "rows": [1, 2, 3]}, True),
        ({"done": 3, "rows": np.array([1, 2, 3])}, True),
        ({"done": 3, "rows": [0.1, 0.2, 0.3]}, False),
        ({"done": 3, "rows": np.array([0.1, 0.2, 0.3])}, False),
        ({"done": 3, "rows": np.array([0.1, 0.2, 0.3], np.float32)}, False),
        ({"done": 3, "rows": np.array([1, 2, 3], np.int8)}, False),
        # Timings of two lengths are no vectors.
        ({"done": 3, "seconds": [0.1, 0.2], "loss": [0.1, 0.2, 0.3]}, True),
        ({"seconds": [0.1, 0.2], "loss": [0.1, 0.2, 0.3]}, False),
        ({"a": [1, 2], "b": [3, 4]}, False),
        ({"a": np.ones((3, 2)), "n": 1}, False),
        ({"vectors": [], "n": 1}, False),
        ({"n": 1, "items": [{"vector": [0.1, 0.2]}]}, False),
        ({"n": 1, "items": [{"name": "a"}, {"name": "b"}]}, True),
        ([], False),
    ],
)
def test_a_progress_mark_holds_no_vectors(value: Any, is_mark: bool) -> None:
    # As it comes out of a file: the unpickler has its own kind of array.
    loaded = load_pickle(io.BufferedReader(io.BytesIO(pickle.dumps(value))), "p")  # type: ignore[arg-type]
    assert is_progress_mark(loaded) is is_mark


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("https://example.org/data/a.jsonl?v=1#top", "a.jsonl"),
        ("https://example.org/data/a.jsonl#top", "a.jsonl"),
        ("s3://bucket/deep/er/b.csv.gz", "b.csv.gz"),
        ("folder/c#1.csv", "c#1.csv"),
    ],
)
def test_the_name_of_a_file(location: str, name: str) -> None:
    assert InputFile(location, location).base_name == name
