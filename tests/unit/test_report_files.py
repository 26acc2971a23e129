"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vecindex.errors import ConfigError
from vecindex.files import write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    write_whole(path, "one\n")
    assert path.read_bytes() == b"one\n"
    path.chmod(0o640)
    write_whole(path, "zw\u00f6lf")
    assert path.read_text(encoding="utf-8") == "zw\u00f6lf"
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["r.html"]


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_whole(tmp_path / "r.html", "x")
    finally:
        os.umask(old)
    assert (tmp_path / "r.html").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to("real.html")
    write_whole(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Cannot write .*absent/r.html: No such file") as caught:
        write_whole(tmp_path / "absent" / "r.html", "x")
    assert str(caught.value.hint) == "Name another file, in a folder that you may write to."
    with pytest.raises(ConfigError, match="it is not a plain file"):
        write_whole(tmp_path, "x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="it is not a plain file"):
        write_whole(tmp_path / "pipe", "x")
    assert names(tmp_path) == ["pipe"]


def test_a_text_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("old")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_whole(tmp_path / "r.html", "half \ud800")
    assert (tmp_path / "r.html").read_text() == "old"
    assert names(tmp_path) == ["r.html"]
