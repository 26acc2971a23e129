"""The digest of a file of weights is read once, and again after any change of the file."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from vecindex import digests
from vecindex.digests import sha256_of


def written(path: Path, content: bytes) -> str:
    """Write a file; return its SHA-256."""
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(digests, "_SETTLED_NS", 0)
    return tmp_path / "kept"


def test_it_is_read_once(tmp_path: Path, kept: Path) -> None:
    weights = tmp_path / "model.safetensors"
    right = written(weights, b"a" * 40)
    assert sha256_of(weights, kept) == right
    (note,) = kept.iterdir()
    assert note.read_text() == right
    # What is kept is what is given, so the file was not read.
    note.write_text("0" * 64)
    assert sha256_of(weights, kept) == "0" * 64


def test_other_content_of_the_same_size_and_time_is_read(tmp_path: Path, kept: Path) -> None:
    weights = tmp_path / "model.safetensors"
    first = written(weights, b"a" * 40)
    assert sha256_of(weights, kept) == first
    about = weights.stat()
    time.sleep(0.02)
    second = written(weights, b"b" * 40)
    os.utime(weights, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert weights.stat().st_mtime_ns == about.st_mtime_ns
    assert sha256_of(weights, kept) == second != first


def test_a_copy_under_the_same_path_is_read(tmp_path: Path, kept: Path) -> None:
    weights, other = tmp_path / "model.safetensors", tmp_path / "other"
    written(weights, b"a" * 40)
    sha256_of(weights, kept)
    second = written(other, b"b" * 40)
    other.replace(weights)
    assert sha256_of(weights, kept) == second


def test_a_damaged_note_is_made_again(tmp_path: Path, kept: Path) -> None:
    weights = tmp_path / "model.safetensors"
    right = written(weights, b"a" * 40)
    sha256_of(weights, kept)
    (note,) = kept.iterdir()
    note.write_bytes(b"\xff")
    assert sha256_of(weights, kept) == right
    assert note.read_text() == right


def test_a_file_written_a_moment_ago_is_not_kept(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    right = written(weights, b"a" * 40)
    assert sha256_of(weights, tmp_path / "kept") == right
    assert not (tmp_path / "kept").exists()


def test_without_a_folder_to_write_it_is_computed(tmp_path: Path, kept: Path) -> None:
    weights = tmp_path / "model.safetensors"
    right = written(weights, b"a" * 40)
    kept.write_text("a file where the folder should be")
    assert sha256_of(weights, kept) == right
