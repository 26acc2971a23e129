"""Columns of text beyond what the plain kind holds, with a small limit."""

from __future__ import annotations

import pyarrow as pa
import pytest

from vecindex.core.texts import joined as module
from vecindex.core.texts.joined import joined, of_one_kind, plain_chunks

PARTS = [pa.array(["a", "bb"]), pa.array(["ccc", None])]


def test_texts_stay_plain_where_they_fit() -> None:
    assert joined(PARTS).type == pa.string()
    assert joined([]).equals(pa.array([], pa.string()))
    assert plain_chunks(joined(PARTS)).num_chunks == 1


def test_texts_become_large_beyond_the_limit_and_plain_again_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 20)
    found = joined(PARTS)
    assert found.type == pa.large_string()
    assert found.to_pylist() == ["a", "bb", "ccc", None]
    pieces = plain_chunks(found)
    assert pieces.type == pa.string()
    assert pieces.num_chunks > 1
    assert pieces.to_pylist() == found.to_pylist()
    assert plain_chunks(pa.array([], pa.large_string())).to_pylist() == []


def test_two_kinds_become_one() -> None:
    one, other = of_one_kind(pa.array(["a"]), pa.array(["a"], pa.large_string()))
    assert one.type == other.type == pa.large_string()
    assert of_one_kind(PARTS[0], PARTS[1])[0] is PARTS[0]
