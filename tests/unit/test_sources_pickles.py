"""The old pickles: every shape, disagreements, and pickles that try to do something."""

from __future__ import annotations

import collections
import datetime as dt
import functools
import io
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vecindex.errors import SourceError
from vecindex.sources.base import Record
from vecindex.sources.open import open_sources
from vecindex.sources.pickles import source as pickles
from vecindex.sources.pickles.shapes import _numbers
from vecindex.sources.pickles.unpickle import as_array, load_pickle

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
Plain = list[tuple[Any, Any, Any, list[float]]]


def load(raw: bytes) -> Any:
    return load_pickle(io.BufferedReader(io.BytesIO(raw)), "p")  # type: ignore[arg-type]


def write(folder: Path, **values: Any) -> str:
    (folder / "embeddings").mkdir(exist_ok=True)
    names = {
        "embeddings": "embeddings/wikipedia_embeddings.pkl",
        "registry": "article_registry.pkl",
        "checkpoint": "current_checkpoint.pkl",
    }
    for key, value in values.items():
        (folder / names[key]).write_bytes(pickle.dumps(value))
    return str(folder)


def read(argument: str, notice: Callable[[str], None] = lambda _: None) -> Plain:
    (source,) = open_sources([argument], notice=notice)
    found = []
    for item in source.read():
        assert isinstance(item, Record)
        f = item.fields
        found.append((f["id"], f.get("title"), f.get("text"), np.asarray(f["vector"]).tolist()))
    return found


EXPECTED: Plain = [("a", "A", "ta", [0, 1]), ("b", "B", "tb", [2, 3]), ("c", "C", "tc", [4, 5])]
DICTS = [{"id": i, "title": i.upper(), "text": f"t{i}"} for i in "abc"]


@pytest.mark.parametrize(
    "value",
    [
        {
            "embeddings": VECTORS,
            "ids": ["a", "b", "c"],
            "titles": ["A", "B", "C"],
            "texts": ["ta", "tb", "tc"],
        },
        {"vectors": list(VECTORS), "articles": DICTS},
        {
            "embeddings": VECTORS.tolist(),
            "article_ids": np.array(["a", "b", "c"]),
            "titles": "",
            "articles": DICTS,
        },
        [{**row, "embedding": vector} for row, vector in zip(DICTS, VECTORS, strict=True)],
        [{**row, "vector": vector.tolist()} for row, vector in zip(DICTS, VECTORS, strict=True)],
        {row["id"]: {**row, "embedding": vector} for row, vector in zip(DICTS, VECTORS, strict=True)},
    ],
)
def test_shapes_that_bring_everything(tmp_path: Path, value: Any) -> None:
    if isinstance(value, dict) and value.get("titles") == "":
        value["titles"] = None
    path = tmp_path / "any.pkl"
    path.write_bytes(pickle.dumps(value))
    assert read(str(path)) == EXPECTED


@pytest.mark.parametrize(
    "registry",
    [
        {row["id"]: row for row in DICTS},
        collections.OrderedDict((row["id"], {"title": row["title"], "text": row["text"]}) for row in DICTS),
        DICTS,
    ],
)
@pytest.mark.parametrize("embeddings", [VECTORS, dict(zip("abc", VECTORS, strict=True))])
def test_registry_completes_the_embeddings(tmp_path: Path, registry: Any, embeddings: Any) -> None:
    assert read(write(tmp_path, registry=registry, embeddings=embeddings)) == EXPECTED


def test_registry_of_titles_positions_or_ids(tmp_path: Path) -> None:
    assert read(write(tmp_path, registry={1: "A", 2: "B", 3: "C"}, embeddings=VECTORS))[0] == (
        1,
        "A",
        None,
        [0, 1],
    )
    found = read(write(tmp_path, registry={"z": 2, "x": 0, "y": 1}, embeddings=VECTORS))
    assert [row[0] for row in found] == ["x", "y", "z"]
    assert [row[0] for row in read(write(tmp_path, registry=["p", "q", "r"], embeddings=VECTORS))] == [
        "p",
        "q",
        "r",
    ]


def test_checkpoint_adds_what_the_embeddings_lack(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        embeddings={"ids": [1, 2], "embeddings": VECTORS[:2]},
        registry={2: {"title": "two"}, 9: {"title": "nine"}},
        checkpoint={"processed_ids": [2, 9], "embeddings": VECTORS[1:]},
    )
    assert read(folder) == [(1, None, None, [0, 1]), (2, "two", None, [2, 3]), (9, "nine", None, [4, 5])]
    (source,) = open_sources([folder])
    assert [item.location for item in source.read()][2] == f"{folder}/current_checkpoint.pkl item 1"
    (tmp_path / "embeddings/wikipedia_embeddings.pkl").unlink()
    assert [row[0] for row in read(folder)] == [2, 9]


def test_checkpoint_without_vectors_adds_nothing(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        embeddings={"a": VECTORS[0]},
        checkpoint={"last_index": 7, "at": "2026-01-01", "processed_ids": {1, 2}},
    )
    told: list[str] = []
    assert read(folder, told.append) == [("a", None, None, [0, 1])]
    assert len(told) == 1
    assert told[0].endswith("current_checkpoint.pkl: holds no vectors; nothing is taken from it")


@pytest.mark.parametrize(
    "mark",
    [
        {"last_batch": 7, "timestamp": dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "config": {"model": "m", "dims": 384}},
        {"last_batch": 7, "processed_ids": [1, 2, 3], "failed": (4, 5)},
        {"done": np.array([1, 2, 3]), "config": {"betas": (0.9, 0.999), "lr": 0.1}, "embeddings": 5000},
        {"losses": [0.3, 0.2, 0.1], "times": [1.5, 2.5], "epoch": 3},
        {"config": {"embedding": "all-MiniLM-L6-v2", "embeddings": {"model": "m"}}, "at": dt.date(2026, 1, 2)},
        {},
    ],
)
def test_progress_marks_add_nothing(tmp_path: Path, mark: Any) -> None:
    folder = write(tmp_path, embeddings={"a": VECTORS[0]}, checkpoint=mark)
    assert read(folder) == [("a", None, None, [0, 1])]


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"b": [2.0, 3.0]},
        {"b": [2, 3], "c": [4, 5]},
        {"b": (2.0, 3.0), "c": [4.0, 5.0]},
        {"b": VECTORS[1], "c": VECTORS[2].tolist()},
        {"b": {"embedding": [2.0, 3.0], "text": "x"}},
        {"vectors": {"b": [2.0, 3.0]}, "last_batch": 7},
        {"embeddings": [[2.0, 3.0]], "ids": ["b"], "at": dt.date(2026, 1, 2)},
    ],
)
def test_checkpoint_with_vectors_as_plain_lists_is_taken(tmp_path: Path, checkpoint: Any) -> None:
    folder = write(tmp_path, embeddings={"a": VECTORS[0]}, checkpoint=checkpoint)
    found = [(row[0], row[3]) for row in read(folder)]
    assert found == [("a", [0, 1]), ("b", [2, 3]), ("c", [4, 5])][: len(found)]
    assert len(found) >= 2


@pytest.mark.parametrize(
    ("checkpoint", "match"),
    [
        ({"a": [0.5, 1.5], "last": 7}, "id 'last': found a int where a vector belongs"),
        ({"last": 7, "rows": [{"id": 1, "embedding": [0.5, 1.5]}]}, "id 'last': found a int where a vector"),
        ({"last": 7, "batch": {"a": [0.5, 1.5], "b": [2.5, 3.5]}}, "id 'last': found a int where a vector"),
        ({"last": 7, "batch": VECTORS}, "id 'last': found a int where a vector"),
        ({"last": 7, "path": Path("x")}, r"refused: the pickle holds the global pathlib\.\w+"),
    ],
)
def test_checkpoint_with_vectors_of_no_known_shape_is_no_progress_mark(
    tmp_path: Path, checkpoint: Any, match: str
) -> None:
    with pytest.raises(SourceError, match=match):
        read(write(tmp_path, embeddings={"a": VECTORS[0]}, checkpoint=checkpoint))


@pytest.mark.parametrize(
    ("files", "match"),
    [
        (
            {"embeddings": {"embeddings": VECTORS, "ids": [1, 2, 3, 4]}},
            "found 3 vectors and 4 ids, expected as many",
        ),
        (
            {"embeddings": {"embeddings": VECTORS, "ids": [1, 2, 3], "titles": ["a"]}},
            "3 vectors and 1 titles",
        ),
        (
            {"embeddings": VECTORS, "registry": [1, 2]},
            r"wikipedia_embeddings\.pkl and .*: found 3 vectors and 2 ids",
        ),
        ({"embeddings": VECTORS}, "found vectors without ids, expected article_registry.pkl"),
        ({"embeddings": {"embeddings": VECTORS, "ids": {1, 2, 3}}}, "found vectors with ids as a set"),
        ({"embeddings": {"embeddings": VECTORS}}, "found vectors without ids, expected ids"),
        ({"embeddings": {"embeddings": VECTORS[0], "ids": [1, 2]}}, r"found vectors of shape \(2,\)"),
        ({"embeddings": "text"}, "found a pickled str"),
        ({"embeddings": [{"id": 1}]}, "item 0: found a dict without embedding"),
        ({"embeddings": [{"embedding": [1]}]}, "item 0: found a dict without an id"),
        ({"embeddings": [5]}, "item 0: found a int, expected ids with their vectors"),
        ({"embeddings": {"a": "text"}}, "id 'a': found a str where a vector belongs"),
        ({"embeddings": {(1, 2): [1.0]}}, "found a dict with a tuple for an id"),
        ({"embeddings": {"a": [1.0]}, "registry": {"a": [1]}}, r"article_registry\.pkl id 'a': found a list"),
        ({"registry": [1]}, "found pickles, but neither wikipedia_embeddings.pkl nor"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, files: dict[str, Any], match: str) -> None:
    with pytest.raises(SourceError, match=match):
        read(write(tmp_path, **files))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        VECTORS,
        np.asfortranarray(VECTORS),
        VECTORS.astype(">f8"),
        VECTORS.astype(np.float16),
        np.array(["é", "long"]),
        np.array([True, False]),
        np.zeros((0, 3), np.int8),
    ],
    ids=lambda a: a.dtype.str,
)
def test_arrays_of_every_protocol(array: np.ndarray, protocol: int) -> None:
    found = as_array(load(pickle.dumps(array, protocol)))
    assert found is not None
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype


def test_names_of_numpy_before_version_2() -> None:
    raw = pickle.dumps(VECTORS, 2)
    old = raw.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != raw
    np.testing.assert_array_equal(as_array(load(old)), VECTORS)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_of_every_protocol(protocol: int) -> None:
    value = {
        "n": [None, True, 1, 2**70, 1.5, "é", b"\xff", b"", bytearray(b"x"), (1,), {1}, frozenset({2})],
        "at": [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.date(2026, 1, 2)],
        "ordered": collections.OrderedDict(a=1),
        "default": collections.defaultdict(list, a=[1]),
        "scalar": np.float32(1.5),
    }
    assert load(pickle.dumps(value, protocol)) == value


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (os.system, r"\w+\.system"),
        (eval, r"\w*builtin\w*\.eval"),
        (exec, r"\w*builtin\w*\.exec"),
        (getattr, r"\w*builtin\w*\.getattr"),
        (subprocess.getoutput, r"\w+\.getoutput"),
        (functools.partial, r"functools\.partial"),
        (np.fromfile, r"numpy\S*\.fromfile"),
        (np.load, r"numpy\S*\.load"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_calls_are_refused_before_they_happen(tmp_path: Path, function: Any, named: str, protocol: int) -> None:
    marker = tmp_path / "marker"
    command = f"open({str(marker)!r}, 'w').close()" if function in (eval, exec) else f"touch {marker}"
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"ids": [1], "embeddings": [Calls(function, command)]}, protocol))
    with pytest.raises(SourceError, match=rf"evil\.pkl: refused: the pickle holds the global {named}"):
        read(str(path))
    assert not marker.exists()


def test_the_hostile_pickle_of_this_test_would_work(tmp_path: Path) -> None:
    """Shows that the tests above refuse something that does happen otherwise."""
    marker = tmp_path / "marker"
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {marker}")))
    assert marker.exists()


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (pickle.dumps(np.array([{}, []], dtype=object)), "refused: the pickle holds an array of dtype 'O8'"),
        (pickle.dumps(np.zeros(2, [("a", "f4")])), "refused: the pickle holds an array of dtype 'V4'"),
        (b"\x80\x03Pid\n.", "refused: the pickle holds an object outside the file"),
        (pickle.dumps(VECTORS)[:-20], "cannot be read as a pickle"),
        (b'{"id": 1}', "cannot be read as a pickle"),
        (b"", "cannot be read as a pickle: EOFError"),
        (b"cbuiltins\nbytearray\n(I100000000000\ntR.", "refused: the pickle holds bytes of a given length"),
        (b"c_codecs\nencode\n(Vx\nVzip\ntR.", "refused: the pickle holds _codecs.encode with 'zip'"),
        # Sets an attribute of the reader's own function.
        (b"c_codecs\nencode\n(N(dVx\nI1\nstb.", "refused: the pickle holds a change to one of"),
        (b"cnumpy\nndarray\n(I9\ntR.", "cannot be read as a pickle: TypeError"),
    ],
)  # fmt: skip
def test_other_pickles_that_are_refused(raw: bytes, match: str) -> None:
    with pytest.raises(SourceError, match=match):
        load(raw)


def test_forged_shape_is_refused() -> None:
    raw = pickle.dumps(np.zeros(300, np.uint8), 2)
    forged = raw.replace(b"M,\x01\x85", b"M\xff\xff\x85")  # 300 -> 65535
    assert forged != raw
    with pytest.raises(SourceError, match=r"refused: .* an array of shape \(65535,\) in 300 bytes"):
        load(forged)


def test_size_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "any.pkl"
    path.write_bytes(pickle.dumps({"a": [1.0]}))
    monkeypatch.setattr(pickles, "MAX_PICKLE_BYTES", 5)
    with pytest.raises(SourceError, match=r"found a pickle of \d+ bytes, expected at most 5"):
        read(str(path))


@pytest.mark.parametrize(
    ("value", "found"),
    [([1.0], None), (["a", "b"], None), ([1, True], None), ([1, 2], (2, False)), ((1, 2.5), (2, True)), ("ab", None)],
)
def test_what_is_a_list_of_numbers(value: object, found: tuple[int, bool] | None) -> None:
    assert _numbers(value) == found
