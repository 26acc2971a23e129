"""Batches and the token budget."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vecindex
from tables import make_table
from vecindex.embed import batching
from vecindex.embed.batching import Shapes, TokenBudget, plan_batches
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.verbs.ingest.commit import Committer

if TYPE_CHECKING:
    from vecindex.verbs.ingest.run import Run


@given(st.lists(st.integers(1, 500), max_size=80), st.integers(1, 2_000), st.sampled_from([None, Shapes(500)]))
def test_every_text_once_within_the_budget_longest_first(
    lengths: list[int], budget: int, shapes: Shapes | None
) -> None:
    batches = list(plan_batches(lengths, budget, shapes))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * (shapes.length(longest) if shapes else longest) <= budget
    firsts = [max(lengths[i] for i in batch) for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


def test_batches_have_few_shapes_whatever_the_lengths() -> None:
    dice, shapes = np.random.default_rng(0), Shapes(256)
    seen: set[tuple[int, int]] = set()
    counts = []
    for _ in range(200):
        lengths = np.minimum(dice.gamma(4, 45, 1_000).astype(int) + 5, 256)
        for batch in plan_batches(lengths.tolist(), 4_096, shapes):
            seen.add((len(batch), shapes.length(int(lengths[batch].max()))))
        counts.append(len(seen))
    assert counts[-1] < 130, "each shape takes 1 to 2 MB"
    assert counts[-1] - counts[20] < 30, "nearly all are met soon"


def test_failure_halves_and_quiet_grows_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "GROW_AFTER", 2)
    budget = TokenBudget(1_000)
    budget.failed(900)
    assert budget.tokens == 450
    for _ in range(2):
        budget.passed()
    assert budget.tokens == 562  # a quarter more
    for _ in range(100):
        budget.passed()
    assert budget.tokens == 1_000  # one failure may have been bad luck: the start value is tried again


def test_a_size_that_fails_twice_is_never_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "GROW_AFTER", 1)
    budget = TokenBudget(1_000)
    budget.failed(1_000)
    budget.failed(1_000)
    for _ in range(200):
        budget.passed()
    assert budget.tokens == 999


def test_budget_never_reaches_zero() -> None:
    budget = TokenBudget(4)
    for _ in range(5):
        budget.failed(1)
    assert budget.tokens == 1


def test_starts_low_and_grows_to_the_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "GROW_AFTER", 1)
    budget = TokenBudget(100, ceiling=200)
    for _ in range(20):
        budget.passed()
    assert budget.tokens == budget.full == 200


def committing(folder: Path, budget: TokenBudget, notices: list[str]) -> Committer:
    """Return what commits for a run on the device "cpu", as far as its batches go."""
    run = SimpleNamespace(
        name="articles",
        database=Database(folder),
        rejects=RejectTable(Database(folder)),
        table=Database(folder).articles("articles"),
        options={"batch_tokens": None},
        encoder=SimpleNamespace(budget=budget, device_name="cpu"),
        observer=SimpleNamespace(notice=notices.append),
    )
    return Committer(cast("Run", run))


def test_the_table_remembers_a_smaller_size_and_forgets_it_at_the_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "GROW_AFTER", 1)
    make_table(tmp_path, settings={"batch_tokens": {"cuda": 64}})
    budget, notices, index = TokenBudget(1_000), list[str](), vecindex.open(tmp_path)
    committer = committing(tmp_path, budget, notices)
    committer._remember_budget()
    assert index.status().batch_tokens == {"cuda": 64}
    budget.failed(1_000)
    committer._remember_budget()
    assert index.status().batch_tokens == {"cuda": 64, "cpu": 500}
    assert notices == ["out of memory: batches are now of 500 tokens, and the table remembers it"]
    # Another run starts with it and grows.
    budget = TokenBudget(500, ceiling=1_000)
    committer = committing(tmp_path, budget, notices)
    budget.passed()
    committer._remember_budget()
    assert index.status().batch_tokens == {"cuda": 64, "cpu": 625}
    for _ in range(10):
        budget.passed()
    committer._remember_budget()
    assert index.status().batch_tokens == {"cuda": 64}
    assert len(notices) == 1


def test_a_full_size_that_an_older_version_remembered_is_forgotten(tmp_path: Path) -> None:
    make_table(tmp_path, settings={"batch_tokens": {"cpu": 1_000}})
    committing(tmp_path, TokenBudget(1_000, ceiling=1_000), [])._remember_budget()
    assert vecindex.open(tmp_path).status().batch_tokens == {}


def test_batches_that_are_swapped_out_are_halved_for_good() -> None:
    budget = TokenBudget(1_000)
    for seconds in (1.0, 1.0, 9.0, 9.0, 2.0, 9.0, 9.0):
        budget.passed(1_000, seconds)
    assert budget.tokens == 1_000, "three in a row are asked for"
    budget.passed(1_000, 9.0)
    assert (budget.tokens, budget.full) == (500, 500)
    for _ in range(500):
        budget.passed(500, 0.5)
    assert budget.tokens == 500


def test_what_is_slow_for_another_reason_halves_nothing() -> None:
    budget = TokenBudget(1_000)
    budget.passed(1_000, 1.0)
    for _ in range(10):
        budget.passed(499, 100.0)  # a small batch
        budget.passed(1_000, 7.9)  # longer texts
        budget.passed(1_000)  # not timed
    assert budget.tokens == 1_000
