"""Where the C library is not glibc, nothing is asked of it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from vecindex.core.memory import give_back_memory, keep_one_heap


@pytest.mark.parametrize(
    "error", [OSError("no such library"), TypeError("a name is needed"), AttributeError("mallopt")]
)
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def missing(_: Any) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", missing)
    give_back_memory()
    keep_one_heap()
