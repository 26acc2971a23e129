"""How many requests commands make in object storage: a listing costs as much as a write, and takes a while."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import vecindex
from object_storage import Proxy, moto, new_bucket, proxied, rows_file
from tables import Notices
from vecindex.store.held.opened import Opened
from vecindex.store.unfinished.map import UnfinishedMap

PRECOMPUTED: dict[str, Any] = {"vector_field": "vector", "model": "test/none", "unverified": True}
ROWS = 300


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Proxy]]:
    """A database with 300 rows, behind a proxy that sees all requests."""
    folder = tmp_path_factory.mktemp("rows")
    with moto() as server, proxied(server) as proxy, pytest.MonkeyPatch.context() as patch:
        made = new_bucket(server, proxy.url)
        for name in [*os.environ]:
            if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
                patch.delenv(name)
        for name, value in made.settings.items():
            patch.setenv(name, value)
        vecindex.open(made.db).ingest(rows_file(folder / "a.jsonl", range(ROWS)), **PRECOMPUTED)
        yield made.db, proxy


def kind(method: str, path: str) -> str:
    """Return "LIST of" the last folder for a listing, else the method alone."""
    prefix = parse_qs(urlsplit(path).query).get("prefix")
    if method != "GET" or prefix is None:
        return method
    return f"LIST {prefix[0].rstrip('/').rpartition('/')[2]}"


def requests(proxy: Proxy, do: Callable[[], object]) -> Counter[str]:
    """Return how many requests of each kind something makes; under LIST all listings."""
    proxy.seen.clear()
    do()
    found = Counter(kind(*one) for one in proxy.seen)
    found["LIST"] = sum(count for name, count in found.items() if name.startswith("LIST "))
    return found


def test_what_reads_lists_the_versions_of_a_table_once_each_time_it_is_opened(stored: tuple[str, Proxy]) -> None:
    uri, proxy = stored
    search = requests(proxy, lambda: vecindex.open(uri).search(id="a3"))
    # The bucket is asked whether it may be read, then for its tables (twice), then for the version; previously 16.
    assert (search["LIST"], search["LIST _versions"]) == (4, 2)
    assert sum(search.values()) - search["LIST"] - search["LIST _versions"] - search["LIST db"] <= 25
    status = requests(proxy, lambda: vecindex.open(uri).status())
    assert status["LIST"] <= 10  # previously 35


def test_what_writes_lists_no_more_than_its_commits_and_its_clean_up_need(
    stored: tuple[str, Proxy], tmp_path: Path
) -> None:
    uri, proxy = stored
    ten = rows_file(tmp_path / "b.jsonl", range(ROWS, ROWS + 10))
    new = requests(proxy, lambda: vecindex.open(uri).ingest(ten, **PRECOMPUTED))
    assert new["LIST"] <= 46  # previously 83
    same = requests(proxy, lambda: vecindex.open(uri).ingest(ten, **PRECOMPUTED))
    assert same["LIST"] <= 26  # previously 58
    assert vecindex.open(uri).status().rows == ROWS + 10


def test_a_table_is_kept_open_for_searches_of_its_index_and_follows_commits(
    stored: tuple[str, Proxy], tmp_path: Path
) -> None:
    uri, proxy = stored
    index = vecindex.open(uri)
    index.build_index(type="IVF_SQ")
    first = requests(proxy, lambda: index.search(id="a3", approximate=True))
    second = requests(proxy, lambda: index.search(id="a4", approximate=True))
    assert first["LIST"] <= 7
    # Its commits are listed, to see whether it is still the same table; of its index other partitions may be read.
    assert (second["LIST"], second["LIST _versions"]) == (1, 1)
    assert not [path for _, path in proxy.seen if path.endswith("/index.idx")]
    assert second["GET"] <= 6
    requests(proxy, lambda: index.search(id="a4", approximate=True))
    assert not [path for _, path in proxy.seen if "_indices" in path]
    assert vecindex.open(uri).delete("a5").deleted == 1
    found = {hit.id for hit in index.search(id="a4", k=500, approximate=True).answers[0].hits}
    assert len(found) == vecindex.open(uri).status().rows - 1
    assert "a5" not in found


def test_a_table_that_was_made_again_is_opened_again(stored: tuple[str, Proxy], tmp_path: Path) -> None:
    uri, _ = stored
    opened, database = Opened(), vecindex.open(uri)._database()
    before = opened.table(database, "articles", None)
    assert opened.table(database, "articles", None) is before
    vecindex.open(uri, table="other").ingest(rows_file(tmp_path / "o.jsonl", range(4)), **PRECOMPUTED)
    assert opened.table(database, "other", None).count() == 4
    assert opened.table(database, "articles", None) is not before


def test_a_map_of_a_sample_goes_on_in_object_storage(
    stored: tuple[str, Proxy], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    uri, _ = stored

    def ends(*_: Any) -> None:
        raise KeyError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr("vecindex.verbs.project.project.measure", ends)
        with pytest.raises(KeyError, match="stopped"):
            vecindex.open(uri).project("map", method="pca", layout_rows=100)
    notices = Notices()
    result = vecindex.open(uri).project("map", method="pca", layout_rows=100, observer=notices)
    assert result.sampled.laid_out == 100
    assert any("going on from the run that was stopped: 100 articles laid out" in one for one in notices.lines)
    assert not UnfinishedMap(vecindex.open(uri)._database(), "articles").exists()
    # Lance has warnings of its own, such as for a table to be overwritten that is not there.
    assert "WARN" not in capfd.readouterr().err
