"""Hostile inputs: how many of each kind are tried, how bytes are made hostile, and what may never come of it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import logging
import lzma
import os
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from vecindex.cli.app import main
from vecindex.errors import VecindexError

T = TypeVar("T")

CASES = int(os.environ.get("VECINDEX_HOSTILE_CASES", "200000"))
"""Cases of all kinds together in `make soak`; each kind has its share."""
SEED = int(os.environ.get("VECINDEX_HOSTILE_SEED", "1"))
_BLOCK = 2_000
"""Hypothesis remembers what it has tried, so that one long run would fill the memory."""

CODES = frozenset({0, 1, 2, 3, 4, 5, 6, 7})
"""Exit codes of docs/errors.md, without those of signals."""


def amounts(some: int, share: float) -> list[Any]:
    """Return the parameters of a test: some cases in `make test`, a share of all in `make soak`."""
    many = [pytest.mark.slow, pytest.mark.timeout(0)]
    return [pytest.param(some, id="some"), pytest.param(round(CASES * share), id="many", marks=many)]


def try_all(kind: str, cases: int, values: st.SearchStrategy[T], check: Callable[[T], None]) -> None:
    """Call `check` with so many values; the same ones for the same number and seed. Prints how many there were."""
    tried = 0

    def one(value: T) -> None:
        nonlocal tried
        tried += 1
        check(value)

    for block, begin in enumerate(range(0, cases, _BLOCK)):
        of_block = settings(
            max_examples=min(_BLOCK, cases - begin),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        seed(SEED * 1_000_000 + block)(of_block(given(values)(one)))()
    print(f"{kind}: {tried:,} hostile cases")


def check_refusal(error: VecindexError, codes: Collection[int]) -> None:
    """Fail unless an error is one that was foreseen, with its exit code, and says something."""
    assert error.exit_code in codes, repr(error)
    assert str(error).strip()


# -- bytes --------------------------------------------------------------------------------------------------

TOKENS = (
    b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"', b"'", b"\\",
    b",", b"\t", b"\n", b"\r", b"\r\n", b"\x85", b"\xe2\x80\xa8", b"{", b"}", b"[", b"]", b"[" * 3000,
    b'{"a":' * 1500, b"9" * 5000, b"-0", b"1e999", b"NaN", b"-Infinity", b"null", b"true", b'"\\ud800"',
    b'"\\u0000"', b'""', b'{"id":"","text":""}', b'{"id":1,"id":2,"text":"x"}', b"id", b"text", b"vector",
    b"[1,[2]]", b"<", b">", b"&x;", b"<!DOCTYPE a>", b"</page>", b"{{", b"}}", b"[[", b"]]", b"=", b"#",
    b" " * 70, b"\x80\x04", b"cos\nsystem\n", b".", b"R", b"K\x01", b"\x94", b"ARROW1", b"PAR1",
    b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
"""What readers stumble over."""

_STEPS = st.tuples(
    st.sampled_from(["insert", "flip", "delete", "double", "cut", "set"]),
    st.integers(0, 9999),
    st.integers(0, 255),
)
DAMAGE = st.lists(_STEPS, max_size=6)
"""Steps by which bytes are damaged, one after the other."""


def damaged(data: bytes, steps: Sequence[tuple[str, int, int]]) -> bytes:
    """Return bytes after some damage. A step's place is in ten-thousandths of the length."""
    for what, place, value in steps:
        at = place * len(data) // 10_000
        if what == "insert":
            data = data[:at] + TOKENS[value % len(TOKENS)] + data[at:]
        elif what == "delete":
            data = data[:at] + data[at + 1 + value :]
        elif what == "double":
            data = data[: at + value] + data[at:]
        elif what == "cut":
            data = data[:at]
        elif data:
            at = min(at, len(data) - 1)
            changed = value if what == "set" else data[at] ^ (1 << value % 8)
            data = data[:at] + bytes([changed]) + data[at + 1 :]
    return data


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, 1, mtime=0),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: zstandard.ZstdCompressor(1).compress(data),
}
"""By a file's last extension."""


# -- values -------------------------------------------------------------------------------------------------

HOSTILE_TEXTS = (
    "", " ", "\0", "\n", "..", ".", "/", "\\", "-", "--", "-1", "'", '"', "''", "it's", "a b", "x" * 1025,
    "x" * 5000, "ü", "\ud800", "caf\udce9", "\u202e", "\u2028", "\x1b[31m", "<script>alert(1)</script>", "{x}",
    "{{", "}", "%s", "%00", "$1", "?", "*", "**", "[", "[a", "~", "NaN", "inf", "1e999", "-0", "0", "1",
    "9" * 30, "9" * 5000, "true", "null", "None", "../../etc/passwd", "con", "a/b", "a;b", "articles",
    "questions", "rejects", "_graph.articles", "vector", "id", "map", "memory://x", "s3://", "http://[",
    "file://", "://", "a=b", "=", "\U0001f600", "a\tb", "ID", "1; DROP TABLE articles", "a0", "a1", "a#1",
)  # fmt: skip
"""Texts that somebody forgot to think of."""

TEXTS = st.one_of(st.sampled_from(HOSTILE_TEXTS), st.text(max_size=12))
VALUES = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0, 1, -1, 2, 5, 10**18, 10**30]),
    st.floats(),
    st.sampled_from([[], {}, [[]], ["a0"], [None], {"a": 1}, b"a", b"\xff", [1.0, float("nan")], ("a0", 1)]),
)
"""Values of any kind, as a caller in Python or of the JSON API may give them."""


# -- commands -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


class _Input(io.TextIOWrapper):
    """Standard input with given bytes that is no terminal."""

    def isatty(self) -> bool:
        return False


def run_command(arguments: Sequence[str], stdin: bytes = b"") -> Ran:
    """Run `vecindex ARGUMENTS...` in this process; fails where it ends as no command may."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    typed = _Input(io.BytesIO(stdin))
    logging.getLogger().handlers.clear()
    code: Any = None
    with (
        mock.patch.object(sys, "argv", ["vecindex", *arguments]),
        mock.patch.object(sys, "stdin", typed),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code or 0
    written = []
    for stream in (out, err):
        stream.flush()
        written.append(stream.buffer.getvalue().decode("utf-8", "replace"))  # type: ignore[attr-defined]
    ran = Ran(code, *written)
    assert ran.code in CODES, ran
    assert "Traceback" not in ran.err, ran
    assert "error: unexpected" not in ran.err, ran
    assert ran.code == 0 or (ran.out + ran.err).strip(), ran
    if ran.code not in (0, 1, 6) and "--json" in arguments and "--" not in arguments:
        assert json.loads(ran.out.rstrip("\n").split("\n")[-1])["exit_code"] == ran.code, ran
    return ran


def stays(folder: Path) -> list[str]:
    """Return the names in a folder, to see that a command left nothing where it should not."""
    return sorted(path.name for path in folder.iterdir())
