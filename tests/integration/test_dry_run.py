"""A dry run over a large source reads samples; what it says is near what the run does, and said to be an estimate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import vecindex
from vecindex.cli.app import app
from vecindex.errors import ConfigError
from vecindex.sources.samples import sample, stretches
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.rate import Rate
from vecindex.verbs.ingest.rehearsal import rehearse

OWN: IngestOptions = {"vector_field": "v", "model": "test/none", "unverified": True}
N = 3_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file of some hundred kilobytes be a large one."""
    monkeypatch.setattr(sample, "WHOLE_BYTES", 50_000)
    monkeypatch.setattr(sample, "WHOLE_ROWS", 100)
    monkeypatch.setattr(sample, "RANGES", 40)
    for module in (sample, stretches):
        monkeypatch.setattr(module, "RANGE_BYTES", 1_000)


def row(i: int, text: str | None = None) -> dict[str, Any]:
    return {"id": str(i), "text": "word " * (1 + i * 37 % 40) if text is None else text, "v": [1.0, float(i)]}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_counts_are_shares_of_all_rows(tmp_path: Path, small: None) -> None:
    index = vecindex.open(tmp_path / "db")
    # Of four rows one is unchanged, one changed, one new and one rejected.
    index.ingest(write(tmp_path / "first.jsonl", [row(i) for i in range(N) if i % 4 < 2]), **OWN)
    rows = [
        {**row(i, "another text" if i % 4 == 1 else None), **({"v": [1.0]} if i % 4 == 3 else {})} for i in range(N)
    ]
    path = write(tmp_path / "rows.jsonl", rows)
    told = index.ingest(path, dry_run=True, **OWN)
    assert told.estimate is not None
    assert told.estimate.basis is not None
    assert told.estimate.basis.sampled_rows is not None
    assert 0 < told.estimate.basis.sampled_rows < N / 2
    assert (told.estimate.exact, told.estimate.basis.beginnings, told.missing) == (False, [], 0)
    assert told.read == pytest.approx(N, rel=0.1)
    for count in (told.skipped, told.changed, told.added, told.rejected):
        assert count == pytest.approx(N / 4, rel=0.2)
    assert told.read == told.skipped + told.changed + told.added + told.rejected
    assert told.reject_reasons == {"wrong vector": told.rejected}
    exact = index.ingest(path, dry_run=True, exact=True, **OWN)
    done = index.ingest(path, **OWN)
    for name in ("read", "skipped", "changed", "added", "rejected"):
        assert getattr(exact, name) == getattr(done, name) == (N if name == "read" else N / 4)
    assert exact.estimate is not None
    assert exact.estimate.exact


def test_of_an_unchanged_table_nothing_is_to_be_embedded(tmp_path: Path, small: None) -> None:
    index, path = vecindex.open(tmp_path / "db"), write(tmp_path / "rows.jsonl", [row(i) for i in range(N)])
    index.ingest(path, **OWN)
    told = index.ingest(path, dry_run=True, **OWN)
    assert (told.added, told.changed, told.rejected, told.vectors) == (0, 0, 0, 0)
    assert told.skipped == pytest.approx(N, rel=0.1)
    assert told.estimate is not None
    assert (told.estimate.rows, told.estimate.seconds) == (0, None)


def test_sources_of_different_length_weigh_as_much_as_they_have(tmp_path: Path, small: None) -> None:
    index = vecindex.open(tmp_path / "db")
    large = write(tmp_path / "large.jsonl", [row(i) for i in range(N)])
    little = write(tmp_path / "little.jsonl", [row(N + i) for i in range(300)])
    index.ingest(little, **OWN)
    told = index.ingest(large, little, dry_run=True, **OWN)
    assert told.added == pytest.approx(N, rel=0.1)
    assert told.skipped == pytest.approx(300, rel=0.3)


def test_the_rate_is_that_of_texts_from_the_whole_source(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # The first rows are the short ones.
    rows = [{"id": str(i), "text": f"one {i}" if i < 300 else "word " * 60 + str(i)} for i in range(600)]
    path = write(tmp_path / "rows.jsonl", rows)
    told = vecindex.open(tmp_path / "db").ingest(path, dry_run=True)
    estimate = told.estimate
    assert estimate is not None
    assert estimate.basis is not None
    assert (told.vectors, estimate.exact) == (told.added, False)
    assert estimate.basis.probed_texts > 0
    assert estimate.texts_per_s is not None
    assert estimate.seconds is not None
    assert estimate.seconds > told.vectors / estimate.texts_per_s
    assert not (tmp_path / "db").exists()
    # Once more, the model is not loaded: what it took is known.
    again = vecindex.open(tmp_path / "db").ingest(path, dry_run=True).estimate
    assert again is not None
    assert again.basis is not None
    assert (again.basis.probed_texts, again.basis.remembered is None) == (0, False)
    assert (again.rows, again.device, again.precision) == (estimate.rows, estimate.device, estimate.precision)
    assert (again.precision_cosine, again.disk_bytes) == (estimate.precision_cosine, estimate.disk_bytes)
    # Of texts of quite another length it says nothing.
    rows = [{"id": str(i), "text": "word " * 14} for i in range(600)]
    other = vecindex.open(tmp_path / "db").ingest(write(tmp_path / "other.jsonl", rows), dry_run=True).estimate
    assert other is not None
    assert other.basis is not None
    assert other.basis.remembered is None


def test_a_run_remembers_how_fast_the_model_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = [{"id": str(i), "text": f"the number {i} of all"} for i in range(600)]
    vecindex.open(tmp_path / "one").ingest(write(tmp_path / "a.jsonl", rows))
    given = ["--dry-run", "--exact", "--json", "--db", str(tmp_path / "two")]
    done = CliRunner().invoke(app, ["ingest", str(tmp_path / "a.jsonl"), *given])
    told = json.loads(done.stdout)["estimate"]
    assert told["basis"]["probed_texts"] == 0
    day = told["basis"]["remembered"].partition("T")[0]
    assert f"all rows were read, the rate on what a run on {day} took on this machine" in " ".join(
        done.stderr.split()
    )


def test_a_dry_run_counts_what_the_model_does_not_know(tmp_path: Path) -> None:
    unknown = "\U0001f9ec \U0001f9ec known \U0001f9ec"
    rows = [{"id": str(i), "text": f"plain text {i}" if i % 4 else f"{unknown} {i}"} for i in range(40)]
    told = vecindex.open(tmp_path / "db").ingest(rows, dry_run=True)
    # Of the own tokens of ten texts three of five are unknown; a text weighs as much as it has tokens.
    assert (told.unknown, told.vectors) == (10, 40)
    assert told.estimate is not None
    assert told.estimate.unknown_frac == pytest.approx((10 * 7 * 0.6) / (10 * 7 + 30 * 5), rel=1e-3)
    done = vecindex.open(tmp_path / "db").ingest(rows)
    assert (done.unknown, done.rejected) == (10, 0)
    given = ["--dry-run", "--db", str(tmp_path / "none")]
    shown = CliRunner().invoke(app, ["ingest", str(write(tmp_path / "a.jsonl", rows)), *given]).stderr
    assert "of the tokens of the sample the model does not know 19.1 %" in " ".join(shown.split())
    assert "In 10 of 40 texts (25 %) the model does not know a quarter" in " ".join(shown.split())


def test_batches_of_a_forecast_are_those_of_transactions() -> None:
    from vecindex.verbs.ingest.rate import _batches

    # Texts 0 and 2 are one transaction, 1 and 3 the other; each is sorted by length and filled with tokens.
    assert _batches([9, 2, 3, 4], budget=10, transaction_rows=2) == ([[0], [3, 1], [2]], [9, 8, 3])
    assert _batches([9, 2, 3, 4], budget=100, transaction_rows=4) == ([[0, 3, 2, 1]], [36])


def test_texts_of_a_forecast_are_mixed_as_the_rows_are() -> None:
    from vecindex.verbs.ingest.rehearsal.rehearse import _mixed, _Part
    from vecindex.verbs.ingest.result import IngestReport

    parts = [
        _Part(IngestReport("t", vectors=500), weight=8.0),
        _Part(IngestReport("t", vectors=1_000), weight=1.0),
        _Part(IngestReport("t")),
    ]
    for part, text in zip(parts, "abc", strict=True):
        for _ in range(part.report.vectors):
            part.texts.add(text)
    mixed = _mixed(parts)
    # 4,000 texts to 1,000; of the first ones only 500 were seen.
    assert (mixed.count("a"), mixed.count("b"), mixed.count("c")) == (500, 200, 0)


def test_exact_is_a_dry_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no effect without"):
        vecindex.open(tmp_path / "db").ingest(write(tmp_path / "rows.jsonl", [row(1)]), exact=True, **OWN)


def test_equal_texts_take_the_model_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_: Any, texts: Sequence[str]) -> Rate:
        # Ten a second, and three seconds to load the model.
        assert len(texts) == len(set(texts)) == 61
        return Rate(10.0, 0.0, 3.0, 0, None, np.ones(len(texts), dtype=np.int32))

    monkeypatch.setattr(rehearse, "measure_rate", measured)
    rows = [{"id": str(i), "text": f"text {i}" if i % 10 == 0 else "boilerplate"} for i in range(600)]
    told = vecindex.open(tmp_path / "db").ingest(rows, dry_run=True)
    assert (told.read, told.added, told.vectors, told.repeated) == (600, 600, 600, 539)
    assert told.estimate is not None
    # All 61: those of the first estimate are among them.
    assert told.estimate.seconds == pytest.approx(3 + 6.1)
    path = write(tmp_path / "rows.jsonl", rows)
    shown = CliRunner().invoke(app, ["ingest", str(path), "--dry-run", "--db", str(tmp_path / "db")]).stderr
    assert "539 texts are equal to earlier ones and are not embedded again" in " ".join(shown.split())
    done = vecindex.open(tmp_path / "db").ingest(rows)
    assert (done.vectors, done.repeated) == (told.vectors, told.repeated)


def test_of_a_sample_at_least_as_many_texts_are_equal(tmp_path: Path, small: None) -> None:
    path = write(tmp_path / "rows.jsonl", [{"id": str(i), "text": f"text {i % 3}"} for i in range(N)])
    told = vecindex.open(tmp_path / "db").ingest(path, dry_run=True)
    assert told.estimate is not None
    assert told.estimate.basis is not None
    sampled = told.estimate.basis.sampled_rows
    assert sampled is not None
    assert told.repeated == pytest.approx(told.vectors * (sampled - 3) / sampled, abs=1)
    shown = CliRunner().invoke(app, ["ingest", str(path), "--dry-run", "--db", str(tmp_path / "db")]).stderr
    assert f"at least {told.repeated:,} texts are equal" in " ".join(shown.split())


def test_what_a_dry_run_shows(tmp_path: Path, small: None) -> None:
    path = write(tmp_path / "rows.jsonl", [row(i) for i in range(N)])
    own = ["--vector-field", "v", "--model", "test/none", "--unverified", "--db", str(tmp_path / "db")]
    done = CliRunner().invoke(app, ["ingest", str(path), "--dry-run", "--json", *own])
    assert done.exit_code == 0
    shown = " ".join(done.stderr.split())
    told = json.loads(done.stdout)
    rounded = f"{round(told['added'], -1):,}"
    assert f"estimate: about {rounded} rows to do" in shown
    assert f"dry run: about {rounded} rows: about {rounded} new in articles, 0 changed, 0 unchanged, 0 to be" in shown
    assert f"estimated from {told['estimate']['basis']['sampled_rows']:,} of the rows; --exact counts all" in shown
    assert told["estimate"]["exact"] is False


def test_a_dry_run_says_where_only_the_beginning_was_read(
    tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "SECONDS", 0.0)
    lines = "".join(json.dumps(row(i)) + "\n" for i in range(N))
    own = ["--vector-field", "v", "--model", "test/none", "--unverified", "--db", str(tmp_path / "db")]
    done = CliRunner().invoke(app, ["ingest", "-", "--dry-run", "--json", *own], input=lines)
    assert done.exit_code == 0
    shown = " ".join(done.stderr.split())
    assert "dry run: at least 1 row: about 1 new in articles" in shown
    assert "only the first rows were read of stdin: later ones may be others" in shown
    estimate = json.loads(done.stdout)["estimate"]
    assert (estimate["rows"], estimate["basis"]["beginnings"]) == (None, ["stdin"])
