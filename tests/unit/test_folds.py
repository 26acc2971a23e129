"""Folds that divide no topic and no near-duplicates, and targets that belong together no longer."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vecindex.verbs.project.folds import cut_into_folds, question_groups, shuffled_neighbors


def on_circle(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_near_duplicates_by_hand() -> None:
    # cos 18 degrees = .951, cos 19 degrees = .946
    assert question_groups(on_circle(0, 18, 90)).tolist() == [0, 0, 1]
    assert question_groups(on_circle(0, 19, 90)).tolist() == [0, 1, 2]
    assert question_groups(on_circle(0, 90, 18, 36, 108)).tolist() == [0, 1, 0, 0, 1]


def test_folds_by_hand() -> None:
    eye = np.eye(7, dtype=np.float32)
    # Groups of 3, 2, 1 and 1: 3 | 2 + 1 | and the last to the fold of fewest questions.
    found = cut_into_folds(eye, ["a", "b", "a", "c", "a", "b", None], 2)
    assert found.of.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert (found.count, found.by) == (2, "topic")


def test_a_near_duplicate_links_two_topics() -> None:
    vectors = np.eye(6, dtype=np.float32)[[0, 1, 1, 2, 3, 4]]
    found = cut_into_folds(vectors, ["a", "a", "b", "b", "c", "d"], 3)
    assert len(set(found.of[:4].tolist())) == 1
    assert found.count == 3
    assert len(set(found.of.tolist())) == 3


def test_too_few_topics_are_passed_over() -> None:
    found = cut_into_folds(np.eye(6, dtype=np.float32), ["a"] * 6, 5)
    assert (found.count, found.by) == (5, "question")
    assert sorted(np.bincount(found.of).tolist()) == [1, 1, 1, 1, 2]


def test_fewer_questions_than_folds() -> None:
    assert cut_into_folds(np.eye(3, dtype=np.float32), None, 5).of.tolist() == [0, 1, 2]
    assert cut_into_folds(np.eye(1, dtype=np.float32), None, 5).count == 1
    assert cut_into_folds(np.eye(2, dtype=np.float32)[[0, 0, 0]], None, 5).count == 1


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.lists(st.integers(0, 30), min_size=40, max_size=40))
def test_no_group_is_divided(topics: list[int], like: list[int]) -> None:
    vectors = np.eye(31, dtype=np.float32)[like[: len(topics)]]
    names = [None if t == 0 else str(t) for t in topics]
    found = cut_into_folds(vectors, names, 5)
    for i in range(len(topics)):
        for j in range(i):
            alike = like[i] == like[j] or (found.by == "topic" and names[i] is not None and names[i] == names[j])
            assert not alike or found.of[i] == found.of[j]
    assert set(found.of.tolist()) == set(range(found.count))


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 99))
def test_every_target_is_used_as_often_as_before(q: int, k: int, seed: int) -> None:
    targets = np.arange(q * k).reshape(q, k)
    found = shuffled_neighbors(targets, seed)
    assert sorted(found.ravel().tolist()) == sorted(targets.ravel().tolist())
    owner = found // k
    assert not (owner == np.arange(q)[:, None]).any(), "nobody keeps a target"
    if q > k:
        assert all(len(set(row.tolist())) == k for row in owner), "each target is from another question"


def test_nobody_gets_an_article_twice() -> None:
    found = shuffled_neighbors(np.array([[1, 2], [2, 1], [3, 4]]), 0)
    for row in found:
        there = row[row != -1].tolist()
        assert len(there) == len(set(there))
