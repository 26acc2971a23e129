"""What an argument stands for: files, globs, folders, formats, and folders of texts."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.base import Record
from vecindex.sources.formats import FORMATS, extensions, format_of
from vecindex.sources.open import open_sources
from vecindex.types import Rejected


def fill(folder: Path, *names: str) -> None:
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"id": {i}, "text": "x"}}\n')


def names(*arguments: str, below: Path, **options: str) -> list[str]:
    return [source.name.removeprefix(f"{below}/") for source in open_sources(arguments, **options)]  # type: ignore[arg-type]


def test_folder_takes_data_files_sorted_at_any_depth(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "b.jsonl",
        "a/z.jsonl",
        "a.jsonl",
        "README.md",
        ".hidden.jsonl",
        ".git/x.jsonl",
        "_SUCCESS",
        "x.pkl",
    )
    assert names(str(tmp_path), below=tmp_path) == ["a.jsonl", "a/z.jsonl", "b.jsonl"]


def test_globs(tmp_path: Path) -> None:
    fill(tmp_path, "b.jsonl", "a/z.jsonl", "a/y/x.jsonl", ".h/a.jsonl", "c[1].jsonl")
    assert names(f"{tmp_path}/*.jsonl", below=tmp_path) == ["b.jsonl", "c[1].jsonl"]
    assert names(f"{tmp_path}/**/*.jsonl", below=tmp_path) == [
        "a/y/x.jsonl",
        "a/z.jsonl",
        "b.jsonl",
        "c[1].jsonl",
    ]
    assert names(f"{tmp_path}/a/**", below=tmp_path) == ["a/y/x.jsonl", "a/z.jsonl"]
    assert names(f"{tmp_path}/c[1].jsonl", below=tmp_path) == ["c[1].jsonl"]
    assert names(f"{tmp_path}/[a]", below=tmp_path) == ["a/y/x.jsonl", "a/z.jsonl"]
    assert names(f"{tmp_path}/.h/*.jsonl", below=tmp_path) == [".h/a.jsonl"]


def test_relative_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.jsonl", "d/b.jsonl")
    monkeypatch.chdir(tmp_path)
    assert [s.name for s in open_sources(["*.jsonl", "d", "a.jsonl"])] == ["a.jsonl", "d/b.jsonl", "a.jsonl"]


@pytest.mark.parametrize(
    ("argument", "match"),
    [
        ("gone.jsonl", r"gone\.jsonl: no such file or folder\nCheck the path"),
        ("*.csv", r"\*\.csv: no file matches"),
        ("notes.xyz", r"notes\.xyz: no format has its extension\nKnown extensions: \.jsonl .*format="),
        ("empty", "empty: found an empty folder, expected files of a known format"),
        ("other", "other: found no files of a known format"),
    ],
)
def test_arguments_that_name_nothing(tmp_path: Path, argument: str, match: str) -> None:
    fill(tmp_path, "notes.xyz", "other/a.bin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=match):
        open_sources([f"{tmp_path}/{argument}"])


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ([], {}, "no source given"),
        (["-", "-"], {}, r"standard input \(-\) is named twice"),
        (["-"], {"format": "docx"}, "unknown format 'docx'\nKnown formats: jsonl, json, csv, tsv, parquet"),
    ],
)
def test_wrong_options(arguments: list[str], options: dict[str, str], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        open_sources(arguments, **options)  # type: ignore[arg-type]


def test_every_format_is_registered_once() -> None:
    assert extensions(FORMATS.built_in) == {
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".json": "json",
        ".csv": "csv",
        ".tsv": "tsv",
        ".parquet": "parquet",
        ".pq": "parquet",
        ".arrow": "arrow",
        ".feather": "arrow",
        ".ipc": "arrow",
        ".xlsx": "xlsx",
        ".xlsm": "xlsx",
        ".xlsb": "xlsx",
        ".xls": "xlsx",
        ".ods": "xlsx",
        ".xml": "wiki",
        ".html": "html",
        ".htm": "html",
        ".xhtml": "html",
        ".txt": "text",
        ".md": "text",
        ".pkl": "pickle",
        ".pickle": "pickle",
    }
    tables = {name for name in FORMATS.built_in if FORMATS[name].is_table}
    assert tables == {"jsonl", "json", "csv", "tsv", "parquet", "arrow", "xlsx", "lines", "extracted"}


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.JSONL", "jsonl"), ("a.csv.gz", "csv"), ("a.b.tsv", "tsv"), ("a.gz", None), ("jsonl", None), ("a.xyz", None)],
)
def test_format_of_a_name(name: str, format: str | None) -> None:
    assert format_of(name) == format


def test_format_overrules_the_extension(tmp_path: Path) -> None:
    (tmp_path / "data.log").write_text("id,text\n1,a\n")
    (source,) = open_sources([str(tmp_path / "data.log")], format="csv")
    assert list(source.read()) == [Record(f"{tmp_path}/data.log:2", {"id": "1", "text": "a"})]
    fill(tmp_path, "d/a.jsonl", "d/b.csv")
    assert names(f"{tmp_path}/d", below=tmp_path, format="csv") == ["d/b.csv"]


@pytest.mark.parametrize(
    ("format", "raw", "place", "fields"),
    [
        (None, b'{"id": 1}\n', "stdin:1", {"id": 1}),
        ("json", b'[{"id": 1}]', "stdin[0]", {"id": 1}),
        ("csv", b"id,n\n1,2\n", "stdin:2", {"id": "1", "n": 2}),
        ("tsv", b"id\tn\n1\t2\n", "stdin:2", {"id": "1", "n": 2}),
        ("text", b"Hello", "stdin", {"id": "stdin", "title": "stdin", "text": "Hello"}),
    ],
)
def test_standard_input(format: str | None, raw: bytes, place: str, fields: dict[str, object]) -> None:
    (source,) = open_sources(["-"], format=format, stdin=io.BytesIO(raw))
    assert source.count_hint() is None
    assert list(source.read()) == [Record(place, fields)]


def test_standard_input_is_the_processs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": 5}\n')))
    (source,) = open_sources(["-"])
    assert list(source.read()) == [Record("stdin:1", {"id": 5})]
    (wiki,) = open_sources(["-"], format="wiki", stdin=io.BytesIO(b"<mediawiki/>"))
    assert list(wiki.read()) == []


def test_folder_of_texts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.md").write_bytes(b"\xef\xbb\xbf# B \xc3\xa9\n")
    (tmp_path / "a.v2.txt").write_bytes(b"A")
    (tmp_path / "c.txt").write_bytes(b"ok \xff")
    (tmp_path / "skip.bin").write_bytes(b"x")
    (source,) = open_sources([str(tmp_path)])
    for _ in range(2):
        assert list(source.read()) == [
            Record(f"{tmp_path}/a.v2.txt", {"id": "a.v2.txt", "title": "a.v2", "text": "A"}),
            Rejected(f"{tmp_path}/c.txt", "not valid UTF-8 at byte 4", "c.txt", "ok \ufffd"),
            Record(f"{tmp_path}/sub/b.md", {"id": "sub/b.md", "title": "b", "text": "# B é\n"}),
        ]


def test_why_a_text_cannot_be_read_is_told_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"text " * 100)[:-9])
    (source,) = open_sources([str(tmp_path)])
    (item,) = source.read()
    assert isinstance(item, Rejected)
    assert item.reason.startswith("the gzip data ends too early")


def told(folder: Path, **options: str) -> list[str]:
    notices: list[str] = []
    open_sources([str(folder)], notice=notices.append, **options)  # type: ignore[arg-type]
    return notices


def test_what_is_left_out_of_a_folder_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "a.jsonl", "b/notes.txt", "old.pkl", ".hidden")
    assert told(tmp_path) == [
        f"{tmp_path}: 2 files are left out (old.pkl, b/notes.txt), as the folder is read for its data files; "
        "name a file itself to read it"
    ]
    assert told(tmp_path, format="jsonl") == []
    fill(tmp_path, "c.txt", "b/d.txt")
    assert "4 files are left out (old.pkl, b/d.txt, b/notes.txt, ...)" in told(tmp_path)[0]


def test_what_is_left_out_of_pickles_and_texts_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "p/current_checkpoint.pkl", "p/other.pkl", "p/a.txt", "t/a.txt", "t/b.bin", "all/a.jsonl")
    assert (
        "p: 2 files are left out (other.pkl, a.txt), as the folder is read for its old pickles"
        in told(tmp_path / "p")[0]
    )
    assert "t: 1 file is left out (b.bin), as the folder is read for its texts" in told(tmp_path / "t")[0]
    assert told(tmp_path / "all") == []


def test_texts_are_counted_when_they_are_found(tmp_path: Path) -> None:
    fill(tmp_path, "n/a.txt", "n/d/b.md", "n/c.bin")
    for argument, n in (("n", 2), ("n/**/*.txt", 1), ("n/a.txt", 1)):
        (source,) = open_sources([f"{tmp_path}/{argument}"])
        assert source.count_hint() == n == len(list(source.read())), argument


def test_texts_of_a_glob_are_one_source_with_paths_for_ids(tmp_path: Path) -> None:
    fill(tmp_path, "n/a.txt", "n/d/b.txt")
    (source,) = open_sources([f"{tmp_path}/n/**/*.txt"])
    assert [item.fields["id"] for item in source.read() if isinstance(item, Record)] == ["a.txt", "d/b.txt"]
    (source,) = open_sources([f"{tmp_path}/n/a.txt"])
    assert [item.fields["id"] for item in source.read() if isinstance(item, Record)] == ["a.txt"]


def test_text_file_that_vanishes_is_one_rejected_row(tmp_path: Path) -> None:
    fill(tmp_path, "a.txt", "b.txt")
    (source,) = open_sources([f"{tmp_path}/*.txt"])
    (tmp_path / "a.txt").unlink()
    gone, there = source.read()
    assert gone == Rejected(f"{tmp_path}/a.txt", "no such file", "a.txt")
    assert isinstance(there, Record)
