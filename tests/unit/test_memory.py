"""Where the C library is not glibc, nothing is asked of it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from vecindex.core.memory import bytes_in_words, give_back_memory, keep_one_heap


@pytest.mark.parametrize(
    ("written", "n_bytes"),
    [
        ("4GB", 4_000_000_000),
        ("0.5 kib", 512),
        ("999999999999999", 999_999_999_999_999),
        ("1" * 16, None),
        ("9" * 400 + "GB", None),
        ("1." + "0" * 400, None),
        ("\u0664GB", None),
    ],
)
def test_a_size_has_few_digits_and_those_of_ascii(written: str, n_bytes: int | None) -> None:
    assert bytes_in_words(written) == n_bytes


@pytest.mark.parametrize(
    "error", [OSError("no such library"), TypeError("a name is needed"), AttributeError("mallopt")]
)
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def missing(_: Any) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    give_back_memory()
    keep_one_heap()
