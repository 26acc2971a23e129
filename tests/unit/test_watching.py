"""Which files a watching ingest takes for new or changed, and when; what it does when a run fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vecindex
from vecindex.errors import ConfigError, LockedError, MissingExtraError, ModelError, SourceError, VecindexError
from vecindex.sources.open import open_sources
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.watching import watch as module
from vecindex.verbs.ingest.watching.files import Changes, folders_of, part_of, signatures
from vecindex.verbs.ingest.watching.watch import watch

HOUR_NS = 3_600 * 10**9


def test_a_file_is_settled_once_it_has_not_changed_for_a_second() -> None:
    changes = Changes()
    begun = (10, 100 * 10**9, 1)
    grown = (20, int(100.9e9), 1)
    assert changes.settled({"a": begun}, 100.1) == {}
    assert changes.settled({"a": grown}, 100.9) == {}
    # One second after its first size was seen, not yet after its second one.
    assert changes.settled({"a": grown}, 101.2) == {}
    assert changes.settled({"a": grown}, 101.9) == {"a": grown}
    changes.done["a"] = grown
    assert changes.settled({"a": grown}, 200.0) == {}
    assert changes.waiting({"a": (20, int(100.9e9), 2), "b": begun}) == {"a", "b"}


def test_a_file_that_was_moved_there_whole_is_settled_at_once() -> None:
    assert Changes().settled({"a": (10, 100 * 10**9, 1)}, 5_000.0) == {"a": (10, 100 * 10**9, 1)}


def test_a_file_from_the_future_is_settled_a_second_after_it_was_seen() -> None:
    changes, ahead = Changes(), {"a": (10, HOUR_NS, 1)}
    assert changes.settled(ahead, 50.0) == {}
    assert changes.settled(ahead, 51.0) == ahead


def test_files_of_known_formats_that_hold_something_are_watched(tmp_path: Path) -> None:
    inner = tmp_path / "lang=en"
    inner.mkdir()
    for path in (
        tmp_path / "a.jsonl",
        inner / "b.csv",
        tmp_path / ".c.jsonl",
        tmp_path / "d.doc",
        tmp_path / "e.odd",
    ):
        path.write_text("x")
    (tmp_path / "begun.jsonl").touch()
    found = signatures([str(tmp_path)], None)
    assert set(found) == {str(tmp_path / "a.jsonl"), str(inner / "b.csv")}
    assert found[str(tmp_path / "a.jsonl")][0] == 1
    assert set(signatures([f"{tmp_path}/*.jsonl", f"{tmp_path}/none-*.jsonl"], None)) == {str(tmp_path / "a.jsonl")}
    assert set(signatures([str(tmp_path)], "csv")) == {str(inner / "b.csv")}
    assert set(signatures([str(tmp_path / "e.odd")], "jsonl")) == {str(tmp_path / "e.odd")}


def test_files_without_an_extension_are_watched_if_a_run_would_read_them(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text('{"id": "a", "text": "t"}\n')
    (tmp_path / "LICENSE").write_text("As you like.")
    assert set(signatures([str(tmp_path)], None)) == {str(tmp_path / "part-00000")}
    assert signatures([str(tmp_path)], "jsonl") == {}


def test_folders_that_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("{}")
    assert folders_of(["in", "in/a.jsonl", "in/*.jsonl", "*.csv"]) == [Path("in"), Path("in"), Path("in"), Path()]
    with pytest.raises(SourceError, match="gone: no such file or folder"):
        folders_of(["gone"])
    with pytest.raises(ConfigError, match="Standard input cannot be watched"):
        folders_of(["-"])
    with pytest.raises(ConfigError, match=r"memory://a\.jsonl cannot be watched"):
        folders_of(["memory://a.jsonl"])


def test_a_part_of_the_sources_keeps_what_their_folders_say(tmp_path: Path) -> None:
    (tmp_path / "lang=en").mkdir()
    for name in ("lang=en/a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text('{"id": "1", "text": "x"}\n')
    (source,) = part_of(open_sources([tmp_path]), {str(tmp_path / "lang=en/a.jsonl")})
    (row,) = source.read()
    assert getattr(row, "fields", None) == {"id": "1", "text": "x", "lang": "en"}


def test_texts_of_a_folder_are_read_together(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    (source,) = part_of(open_sources([tmp_path]), {str(tmp_path / "b.txt")})
    assert [row.fields["id"] for row in source.read() if hasattr(row, "fields")] == ["a.txt", "b.txt"]


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two files written an hour ago; nobody waits in it."""
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, ns=(HOUR_NS, HOUR_NS))
    monkeypatch.setattr(module, "_RETRY_S", 0.0)
    return tmp_path


def watched(
    drop: Path, monkeypatch: pytest.MonkeyPatch, steps: list[Callable[[set[str] | None], None]], **options: Any
) -> tuple[list[set[str] | None], list[VecindexError]]:
    """Watch without a file system's events: each run takes the next step, and after the last one it stops."""
    stop, runs, errors = vecindex.Stop(), list[set[str] | None](), list[VecindexError]()
    left = iter(steps)

    def run(names: set[str] | None) -> None:
        runs.append(None if names is None else {Path(name).name for name in names})
        step = next(left, None)
        if len(runs) >= len(steps):
            stop.request()
        if step is not None:
            step(names)

    def ticks(*_: object) -> Any:
        while not stop():
            yield True

    monkeypatch.setattr(module, "_ticks", ticks)
    watch([str(drop)], IngestOptions(**options), run, errors.append, lambda _: None, stop)
    return runs, errors


def fails(error: VecindexError) -> Callable[[object], None]:
    def step(_: object) -> None:
        raise error

    return step


def fine(_: object) -> None:
    pass


def test_the_first_run_is_over_all_the_others_over_what_came(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def arrive(_: object) -> None:
        (drop / "c.jsonl").write_text("y")
        os.utime(drop / "c.jsonl", ns=(HOUR_NS, HOUR_NS))

    def change(_: object) -> None:
        (drop / "a.jsonl").write_text("xyz")
        os.utime(drop / "a.jsonl", ns=(HOUR_NS, HOUR_NS))

    runs, errors = watched(drop, monkeypatch, [arrive, change, fine])
    assert (runs, errors) == ([None, {"c.jsonl"}, {"a.jsonl"}], [])


def test_a_file_that_cannot_be_read_holds_up_no_other(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = SourceError("a.jsonl: broken")
    runs, errors = watched(drop, monkeypatch, [fails(broken), fails(broken), fine])
    assert (runs, errors) == ([None, {"a.jsonl"}, {"b.jsonl"}], [broken])


def test_another_writer_is_waited_for_and_named_once(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = LockedError("process 7 is writing")
    runs, errors = watched(drop, monkeypatch, [fails(locked), fails(locked), fine])
    assert (runs, errors) == ([None, {"a.jsonl", "b.jsonl"}, {"a.jsonl", "b.jsonl"}], [locked])


def test_a_model_that_is_not_there_ends_it_at_once(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="no such model"):
        watched(drop, monkeypatch, [fails(ModelError("no such model"))])
    device = ModelError("the device failed")
    (drop / "c.jsonl").touch()

    def arrive(_: object) -> None:
        (drop / "c.jsonl").write_text("y")
        os.utime(drop / "c.jsonl", ns=(HOUR_NS, HOUR_NS))

    assert watched(drop, monkeypatch, [arrive, fails(device), fine]) == (
        [None, {"c.jsonl"}, {"c.jsonl"}],
        [device],
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"dry_run": True}, "dry_run=True does not go with watching: it would embed nothing"),
        ({"prune": True}, "prune=True does not go with watching: a file that comes says nothing about the rows of"),
        ({"vectors": "v.npy"}, "does not go with watching: the file of embeddings is not watched"),
    ],
)
def test_what_does_not_go_with_watching(
    drop: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        watched(drop, monkeypatch, [fine], **options)


def test_without_the_package_the_message_has_the_command(drop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(MissingExtraError, match=r"not installed\.\npip install 'vecindex\[watch\]'"):
        watch([str(drop)], IngestOptions(), fine, lambda _: None, lambda _: None, vecindex.Stop())
