"""Opening: every compression, whole and cut, local and remote."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import os
import random
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
import zstandard

from vecindex.errors import MissingExtraError, SourceError
from vecindex.sources import files
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile, count_lines
from vecindex.sources.open import open_sources

Compress = Callable[[bytes], bytes]

COMPRESS: dict[str, Compress] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": functools.partial(lzma.compress, preset=0),
    ".zst": zstandard.ZstdCompressor().compress,
}
EVERY = pytest.mark.parametrize(("extension", "compress"), COMPRESS.items(), ids=list(COMPRESS))


def rows(n: int) -> bytes:
    # Digits of a long product, so that compression leaves more than one block to cut in.
    return b"".join(
        json.dumps({"id": i, "text": f"row {i} {pow(7, 300 + i, 10**400)}"}).encode() + b"\n" for i in range(n)
    )


@EVERY
def test_reads_every_compression(tmp_path: Path, extension: str, compress: Compress) -> None:
    path = tmp_path / f"corpus.jsonl{extension}"
    path.write_bytes(compress(b'{"id": 1}\n{"id": 2}\n'))
    (source,) = open_sources([str(path)])
    assert list(source.read()) == [Record(f"{path}:1", {"id": 1}), Record(f"{path}:2", {"id": 2})]


@EVERY
def test_reads_concatenated_parts(tmp_path: Path, extension: str, compress: Compress) -> None:
    """Bzip2 dumps have many streams, logs many gzip members, pzstd many frames."""
    path = tmp_path / f"corpus.jsonl{extension}"
    path.write_bytes(compress(b'{"id": 1}\n{"i') + compress(b'd": 2}\n'))
    (source,) = open_sources([str(path)])
    assert [item.fields for item in source.read() if isinstance(item, Record)] == [{"id": 1}, {"id": 2}]


@EVERY
def test_cut_file_gives_its_good_rows_then_an_error(tmp_path: Path, extension: str, compress: Compress) -> None:
    path = tmp_path / f"corpus.jsonl{extension}"
    # Whole parts first: how much of a cut block comes out is the codec's affair.
    part = rows(200)
    path.write_bytes(compress(part) + compress(part)[:-40])
    (source,) = open_sources([str(path)])
    stream = source.read()
    good = [next(stream) for _ in range(200)]
    assert good[199].location == f"{path}:200"
    with pytest.raises(SourceError, match=r"data ends too early, after [\d,]+ bytes of unpacked.*\(in line \d+\)"):
        list(stream)


@EVERY
def test_damaged_file_is_a_source_error(tmp_path: Path, extension: str, compress: Compress) -> None:
    path = tmp_path / f"corpus.jsonl{extension}"
    packed = bytearray(compress(rows(200)))
    for i in range(30, 60):
        packed[i] ^= 0xFF
    path.write_bytes(bytes(packed))
    (source,) = open_sources([str(path)])
    with pytest.raises(SourceError, match=r"corpus\.jsonl\..*the \w+ data (is damaged|ends too early)"):
        list(source.read())


def test_wrong_compression_is_a_source_error(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(b'{"id": 1}\n')
    (source,) = open_sources([str(path)])
    with pytest.raises(SourceError, match=r"the gzip data is damaged .*after 0 bytes"):
        list(source.read())


def test_zstd_bomb_is_unpacked_piecewise() -> None:
    packed = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    stream = InputFile("bomb", stream=iter([io.BytesIO(packed)]))
    with stream.open() as unpacked:
        assert unpacked.read(10) == bytes(10)


def test_first_row_comes_before_the_rest_is_read(tmp_path: Path) -> None:
    """The second block is missing, yet the first row is there: nothing is read ahead to the end."""
    path = tmp_path / "corpus.jsonl.zst"
    compress = zstandard.ZstdCompressor().compress
    path.write_bytes(compress(rows(5000)) + compress(rows(5000))[:20])
    (source,) = open_sources([str(path)])
    first = next(iter(source.read()))
    assert isinstance(first, Record)
    assert first.fields["id"] == 0


@EVERY
def test_standard_input_tells_compression_by_its_bytes(extension: str, compress: Compress) -> None:
    (source,) = open_sources(["-"], stdin=io.BytesIO(compress(b'{"id": 1}\n')))
    assert list(source.read()) == [Record("stdin:1", {"id": 1})]


def test_standard_input_is_read_once() -> None:
    (source,) = open_sources(["-"], stdin=io.BytesIO(b'{"id": 1}\n'))
    assert len(list(source.read())) == 1
    with pytest.raises(SourceError, match="stdin: was read already"):
        list(source.read())


def test_a_slow_pipe_gives_each_line_as_it_comes() -> None:
    """A pipe that waits after one line must not hold that line back."""

    class Pipe(io.RawIOBase):
        sent = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            line = b'{"id": %d}\n' % self.sent
            self.sent += 1
            buffer[: len(line)] = line
            return len(line)

    pipe = Pipe()
    (source,) = open_sources(["-"], stdin=io.BufferedReader(pipe))
    stream = iter(source.read())
    assert next(stream) == Record("stdin:1", {"id": 0})
    assert pipe.sent <= 3


def test_missing_file_and_folder_as_file(tmp_path: Path) -> None:
    with (
        pytest.raises(SourceError, match=r"gone\.jsonl: no such file"),
        InputFile("gone.jsonl", str(tmp_path / "gone.jsonl")).open(),
    ):
        pass
    with (
        pytest.raises(SourceError, match=r"x: found a folder, expected a file"),
        InputFile("x", str(tmp_path)).open(),
    ):
        pass


def test_remote_files(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/sources-test/a.jsonl.gz", gzip.compress(b'{"id": 1}\n'))
    memory.pipe("/sources-test/b.jsonl", b'{"id": 2}\n')
    memory.pipe("/sources-test/.hidden.jsonl", b'{"id": 3}\n')
    by_folder = open_sources(["memory://sources-test"])
    by_glob = open_sources(["memory://sources-test/*.jsonl*"])[-2:]
    by_name = open_sources(["memory://sources-test/a.jsonl.gz", "memory://sources-test/b.jsonl"])
    for sources in (by_folder, by_glob, by_name):
        assert [r.fields for s in sources for r in s.read() if isinstance(r, Record)] == [
            {"id": 1},
            {"id": 2},
        ]
    with pytest.raises(SourceError, match=r"memory://sources-test/none\.jsonl: no such file"):
        open_sources(["memory://sources-test/none.jsonl"])
    (tmp_path / "c.jsonl").write_text('{"id": 4}\n')
    (local,) = open_sources([f"file://{tmp_path}/c.jsonl"])
    assert [r.fields for r in local.read() if isinstance(r, Record)] == [{"id": 4}]


def test_missing_filesystem_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(url: str) -> None:
        raise ImportError("Install arrow to access it")

    monkeypatch.setattr(fsspec.core, "url_to_fs", absent)
    with pytest.raises(MissingExtraError, match=r"hdfs://.*not installed: Install arrow to access it"):
        files.filesystem_of("hdfs://host/corpus.jsonl")


def test_unknown_protocol() -> None:
    with pytest.raises(SourceError, match=r"nosuch://x\.jsonl: .*nosuch"):
        open_sources(["nosuch://x.jsonl"])


def random_rows(n: int) -> bytes:
    """Return rows that no codec makes much smaller, quickly."""
    dice = random.Random(0)
    return b"".join(b'{"id": %d, "text": "%s"}\n' % (i, dice.randbytes(220).hex().encode()) for i in range(n))


def hint(path: Path) -> int | None:
    (source,) = open_sources([str(path)])
    return source.count_hint()


PACK = pytest.mark.parametrize(("extension", "compress"), [("", bytes), *COMPRESS.items()], ids=["plain", *COMPRESS])


@PACK
def test_rows_of_a_short_file_are_counted(tmp_path: Path, extension: str, compress: Compress) -> None:
    for name, raw, n in (
        ("a.jsonl", b'{"id": 1}\n{"id": 2}', 2),
        ("b.csv", b"id,text\n1,a\n2,b\n3,c\n", 3),
        ("c.json", b'\xef\xbb\xbf [{"id": 1}, {"id": [2, "]"]},\n{"id": 3}, 4]', 4),
        ("d.json", b'{"id": 1}\n{"id": 2}\n', 2),
        ("e.jsonl", b"", 0),
    ):
        path = tmp_path / f"{name}{extension}"
        path.write_bytes(compress(raw))
        assert hint(path) == n, name


@PACK
def test_rows_of_a_long_file_are_guessed_by_its_beginning(
    tmp_path: Path, extension: str, compress: Compress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_HEAD_BYTES", 1 << 18)
    monkeypatch.setattr(files, "_HEAD_STORED_BYTES", 1 << 20)
    raw, n = random_rows(6_000), 6_000
    assert len(raw) > 10 << 18
    table = b"n,text\n" + raw.replace(b'"', b"").replace(b": ", b"")
    array = b"[" + raw.strip().replace(b"\n", b",") + b"]"
    for name, content in (("a.jsonl", raw), ("b.csv", table), ("c.json", array)):
        path = tmp_path / f"{name}{extension}"
        path.write_bytes(compress(content))
        found = hint(path)
        assert found == pytest.approx(n, rel=0.1), name


@EVERY
def test_a_hint_never_fails(tmp_path: Path, extension: str, compress: Compress) -> None:
    packed = compress(rows(200))
    damaged = packed[:30] + bytes(b ^ 0xFF for b in packed[30:60]) + packed[60:]
    path = tmp_path / f"corpus.jsonl{extension}"
    for raw in (b'{"id": 1}\n', packed[: len(packed) // 2], damaged, b"\0"):
        path.write_bytes(raw)
        assert hint(path) is None or 0 < hint(path) < 1000  # type: ignore[operator]
    path.unlink()
    assert InputFile("gone", str(path)).rows_hint(count_lines) is None
    assert InputFile("folder", str(tmp_path)).rows_hint(count_lines) is None


def test_a_hint_reads_a_bounded_part_and_no_pipe(tmp_path: Path) -> None:
    big, packed = tmp_path / "big.jsonl.gz", gzip.compress(random_rows(6_000), 1)
    with big.open("wb") as out:
        out.write(packed)
        out.truncate(10 << 30)  # sparse: it takes no space, but reading it would take long
    assert hint(big) == pytest.approx(6_000 / len(packed) * (10 << 30), rel=0.1)
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    assert hint(pipe) is None
    assert InputFile("url", "memory://sources-test/gone.jsonl").rows_hint(count_lines) is None
