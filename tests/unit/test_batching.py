"""Batches and the token budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.embed import batching
from vecindex.embed.batching import TokenBudget, plan_batches


@given(st.lists(st.integers(1, 500), max_size=80), st.integers(1, 2_000))
def test_every_text_once_within_the_budget_longest_first(lengths: list[int], budget: int) -> None:
    batches = list(plan_batches(lengths, budget))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    firsts = [max(lengths[i] for i in batch) for batch in batches]
    assert firsts == sorted(firsts, reverse=True)


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
    assert budget.tokens == 200
