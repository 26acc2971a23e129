"""Models that a service runs, against a real one on loopback over the offline model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from embedding_service import Service, serving
from vecindex.core.vectors import row_cosines
from vecindex.embed.encoders import LoadOptions, find, load, same_name
from vecindex.embed.service import client
from vecindex.errors import ModelError
from vecindex.store.database import Database

SECRET = "sk-a-key-that-nobody-may-see"
ROWS = [{"id": f"r{i}", "text": f"Article number {i} is about {'cells' if i % 2 else 'stars'}."} for i in range(150)]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(client, "RETRIES", 3)
    monkeypatch.setattr(client, "BACKOFF_S", 0.01)
    monkeypatch.delenv("VECINDEX_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET + "-of-another-host")
    with serving() as running:
        yield running


def stored(folder: Path) -> dict[str, Any]:
    ids, vectors = Database(folder).articles("articles").vectors()
    return dict(zip(ids, vectors, strict=True))


def test_ingest_and_search(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    report = index.ingest(ROWS, model=service.url)
    assert (report.added, report.rejected, report.device) == (150, 0, "service")
    vectors = stored(tmp_path)
    expected = service.encoder.embed_texts([row["text"] for row in ROWS])
    assert row_cosines([vectors[row["id"]] for row in ROWS], expected).min() > 1 - 1e-6
    # In requests of 64 texts, in whichever order they come back.
    assert {64, 22} <= set(service.asked)
    made = index.status().fingerprint
    assert made is not None
    assert made.model == f"{service.url}#minilm"
    assert made.weights.startswith("service:")
    assert index.search("Article number 7 is about cells.", k=1).hits[0].id == "r7"
    assert index.ingest(ROWS).skipped == 150
    # No key was asked for, and the one of another host went nowhere.
    assert service.keys == {""}


def test_a_busy_service_is_asked_again(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:5], model=service.url)
    service.faults = [(429, {"Retry-After": "0"}), (503, {}), (500, {})]
    assert index.ingest(ROWS).added == 145
    assert service.faults == []
    # Not for ever.
    service.faults = [(503, {})] * 50
    with pytest.raises(ModelError, match=r"answers with an error \(503: busy\)"):
        index.search("cells")


def test_retry_after_is_honoured(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    service.faults = [(429, {"Retry-After": "17"})]
    found = find(service.url)
    assert found.weights.startswith("service:")
    assert waited == [17]


def test_a_killed_service_is_resumed(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    service.dies_after = 6  # the fixed texts, the check, the probe, three transactions
    with pytest.raises(ModelError, match="does not answer") as raised:
        index.ingest(ROWS, model=service.url, transaction_rows=20)
    assert "run the same command again" in str(raised.value.hint)
    done = index.status().rows
    assert 0 < done < 150
    service.dies_after = None
    rest = index.ingest(ROWS, model=service.url, transaction_rows=20)
    assert (rest.skipped, rest.added, rest.rows_in_table) == (done, 150 - done, 150)


def test_a_changed_service_is_refused(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:4], model=service.url)
    service.sign = -1
    with pytest.raises(ModelError, match="is not the model that made the vectors"):
        index.search("cells")
    with pytest.raises(ModelError, match="were made differently"):
        index.ingest(ROWS)
    service.sign = 1
    assert index.ingest(ROWS).added == 146


def test_slightly_other_vectors_are_the_same_model(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:4], model=service.url)
    exact, noise = service.encoder.embed_texts, np.random.default_rng(0)

    def noisy(texts: Any, prompt: Any = None) -> Any:
        vectors = exact(texts, prompt)
        return vectors + 1e-3 * noise.standard_normal(vectors.shape).astype(np.float32)

    service.encoder.embed_texts = noisy  # type: ignore[method-assign]
    assert index.ingest(ROWS).added == 146
    assert index.search("cells").hits


def test_a_text_that_is_refused_is_rejected_alone(service: Service, tmp_path: Path) -> None:
    service.longest = 200
    rows = [*ROWS[:9], {"id": "long", "text": "word " * 100}]
    report = vecindex.open(tmp_path).ingest(rows, model=service.url)
    assert (report.added, report.rejected) == (9, 1)
    assert report.reject_reasons == {"cannot be embedded": 1}
    assert "long" not in stored(tmp_path)


def test_the_key_comes_from_the_environment_and_is_seen_nowhere(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.key = SECRET
    with pytest.raises(ModelError, match=r"refuses access \(401") as raised:
        find(service.url)
    assert "VECINDEX_API_KEY" in str(raised.value.hint)
    monkeypatch.setenv("VECINDEX_API_KEY", SECRET + "x")
    with pytest.raises(ModelError, match=r"Incorrect API key provided: \*\*\*"):
        find(service.url)
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "text": "The cell."}\n{"id": "b", "text": "A star."}\n')
    environment = {**os.environ, "VECINDEX_API_KEY": SECRET, "VECINDEX_DB": str(tmp_path / "db")}
    command = [sys.executable, "-c", "from vecindex.cli.app import main; main()", "--verbose"]
    log = ["--log-file", str(tmp_path / "log")]
    said = ""
    for arguments in (
        ["ingest", "rows.jsonl", "--model", service.url],
        ["search", "cells"],
        ["status", "--settings"],
    ):
        done = subprocess.run(
            [*command, *log, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    assert SECRET in service.keys
    assert SECRET not in said
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in repr(vars(load(find_with(SECRET, monkeypatch, service), LoadOptions())))


def find_with(key: str, monkeypatch: pytest.MonkeyPatch, service: Service) -> Any:
    monkeypatch.setenv("VECINDEX_API_KEY", key)
    return find(service.url)


def test_names_of_models(service: Service) -> None:
    service.models = ["one", "two"]
    with pytest.raises(ModelError, match="has several models: one, two") as raised:
        find(service.url)
    assert f"model='{service.url}#one'" in str(raised.value.hint)
    assert find(service.url + "/#two").name == f"{service.url}#two"
    service.models = []
    assert find(service.url).name == service.url
    assert same_name("http://h/v1/#m", "http://h/v1#m")
    assert not same_name("http://h/v1#m", "https://h/v1#m")


@pytest.mark.parametrize("address", ["http://me:pw@h/v1", "http://h/v1?key=1", "http:///v1"])
def test_addresses_with_secrets_or_without_a_host(address: str) -> None:
    with pytest.raises(ModelError, match="has a host and a path, and no key or password"):
        find(address)


def test_options_that_a_service_does_not_take(service: Service, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    with pytest.raises(ModelError, match="is settled where it runs"):
        index.ingest(ROWS, model=service.url, max_tokens=64)
    with pytest.raises(ModelError, match="which has no revisions"):
        index.ingest(ROWS, model=service.url, revision="main")
    assert index.ingest(ROWS[:2], model=service.url, chunk=4, chunk_overlap=0).rows_in_table == 4


def test_no_service_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "RETRIES", 1)
    monkeypatch.setattr(client, "BACKOFF_S", 0.01)
    with pytest.raises(ModelError, match=r"The embedding service at http://127.0.0.1:9/v1 does not answer"):
        vecindex.open(tmp_path).ingest(ROWS, model="http://127.0.0.1:9/v1")
