"""Passwords, tokens and signatures of URLs are neither shown nor kept."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from pathlib import Path

import pytest

import vecindex
from tables import filled
from vecindex.cli.logs import _Masked
from vecindex.errors import SourceError, described
from vecindex.masks import masked
from vecindex.messages import command, text
from vecindex.sources.expand import Folder
from vecindex.sources.files import InputFile
from vecindex.sources.open import open_sources
from vecindex.store.database import Database
from vecindex.store.lock import writer_at_work, writing
from vecindex.store.rejects import RejectTable
from vecindex.types import Rejected

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:s3cr3t@host/a.jsonl", "https://me:***@host/a.jsonl"),
        ("https://me:s3cr3t@@host/a.jsonl", "https://me:***@host/a.jsonl"),
        ("https://me:s3c'r3t@host", "https://me:***@host"),
        ("https://s3cr3t@host/a", "https://***@host/a"),
        ("S3://AK:s3cr3t@bucket/a", "S3://AK:***@bucket/a"),
        ("simplecache::ftp://me:s3cr3t@host/a", "simplecache::ftp://me:***@host/a"),
        (
            "https://h/a?X-Amz-Credential=s3cr3t&X-Amz-Signature=s3cr3t#x",
            "https://h/a?X-Amz-Credential=***&X-Amz-Signature=***#x",
        ),
        ("az://c/a?sv=2024&sig=s3cr3t%3D: no such file", "az://c/a?sv=2024&sig=***: no such file"),
        ("'https://h/a?access_token=s3cr3t', then", "'https://h/a?access_token=***', then"),
        ("https://h/cb#access_token=s3cr3t", "https://h/cb#access_token=***"),
        ("https://h/a?sig=***:12", "https://h/a?sig=***:12"),
        ("abfss://container@account.dfs.core.windows.net/a", "abfss://container@account.dfs.core.windows.net/a"),
        ("https://host:8080/a@b?page=2", "https://host:8080/a@b?page=2"),
        ("sftp://me@host/a and /data/key=1", "sftp://me@host/a and /data/key=1"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert masked(url) == shown
    assert masked(shown) == shown


def test_no_error_shows_it() -> None:
    error = SourceError(
        "https://me:s3cr3t@host/a: gone",
        text("Run: ", command("ingest", "https://me:s3cr3t@host/a", db="s3://a:s3cr3t@b")),
    )
    shown = [str(error), repr(error), str(error.args), str(pickle.loads(pickle.dumps(error)))]
    assert not any(SECRET in one for one in shown)
    assert (
        shown[0] == "https://me:***@host/a: gone\nRun: vecindex.open('s3://a:***@b').ingest('https://me:***@host/a')"
    )
    assert described(OSError("GET https://h/?token=s3cr3t failed")) == "OSError: GET https://h/?token=*** failed"


def test_sources_are_named_without_it() -> None:
    url = "memory://me:s3cr3t@masks/a.jsonl?sig=s3cr3t"
    file = InputFile(url, url)
    assert (file.name, file.location) == ("memory://me:***@masks/a.jsonl?sig=***", url)
    assert SECRET not in InputFile("", "https://me:s3cr3t@host").base_name
    assert Folder(url).name == file.name
    with pytest.raises(SourceError) as caught:
        open_sources([url])
    assert SECRET not in str(caught.value)


def test_rejects_are_kept_without_it(tmp_path: Path) -> None:
    table = RejectTable(Database(tmp_path))
    url = "https://me:s3cr3t@host/a.jsonl?sig={}"
    row = Rejected(url.format("s3cr3t") + " row 3", f"{url.format('s3cr3t')}: bad", "a")
    table.put("articles", "run 1", [(url.format("s3cr3t"), row)])
    assert SECRET not in str(table._open().to_arrow().to_pylist())
    assert table.rows("articles")[0]["place"] == "https://me:***@host/a.jsonl?sig=*** row 3"
    # Signed again, it is the same source: its rejects are replaced and forgotten.
    table.put("articles", "run 2", [(url.format("other"), row)])
    assert table.count("articles") == 1
    table.forget("articles", [url.format("third")], "run 3")
    assert table.count("articles") == 0


def test_rejects_that_were_kept_with_it_show_none_and_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = RejectTable(Database(tmp_path))
    url = "https://me:s3cr3t@host/a.jsonl"
    with monkeypatch.context() as before:
        before.setattr("vecindex.store.rejects.masked", str)
        table.put("articles", "run 1", [(url, Rejected(f"{url}:1", "bad", "a"))])
    assert SECRET in str(table._open().to_arrow().to_pylist())
    assert SECRET not in str(table.rows("articles"))
    table.forget("articles", [masked(url)], "run 2")
    assert table.count("articles") == 0


def test_the_note_of_a_writer_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["vecindex", "ingest", "https://me:s3cr3t@host/a?sig=s3cr3t"])
    with writing(tmp_path):
        assert (tmp_path / ".vecindex.holder").read_text().endswith("vecindex ingest https://me:***@host/a?sig=***")
        (tmp_path / ".vecindex.holder").write_text(f"process {os.getpid()}: vecindex ingest https://me:s3cr3t@host")
        assert writer_at_work(tmp_path) == f"process {os.getpid()}: vecindex ingest https://me:***@host"


def test_a_database_is_named_without_it(tmp_path: Path) -> None:
    assert Database("s3://me:s3cr3t@bucket/db").uri == "s3://me:***@bucket/db"
    assert SECRET not in repr(vecindex.open("s3://me:s3cr3t@bucket/db"))
    filled(tmp_path, 1)
    assert vecindex.open(tmp_path).status().database == str(tmp_path)


def test_no_log_has_it() -> None:
    try:
        raise OSError("GET https://me:s3cr3t@host")
    except OSError:
        record = logging.LogRecord("n", 30, __file__, 1, "at %s", ("s3://a:s3cr3t@b",), sys.exc_info())
    line = _Masked("%(message)s").format(record)
    assert line.startswith("at s3://a:***@b\nTraceback")
    assert line.endswith("OSError: GET https://me:***@host")
