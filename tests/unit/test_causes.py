"""The tree of causes, branch by branch, from figures given by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from vecindex.core.nulls import Interval
from vecindex.messages import as_text
from vecindex.spelling import CommandLine
from vecindex.verbs.overlap.causes.verdicts import Cause, Confidence, Verdict
from vecindex.verbs.overlap.diagnose import diagnose
from vecindex.verbs.overlap.facts import Facts
from vecindex.verbs.overlap.result import AnswersFound, MapOverlap, Placement, SpaceFacts

GOOD: dict[str, Any] = {
    "articles": 25_000,
    "questions": 60,
    "nearest_percentile": 60.0,
    "distinct_ratio": 0.9,
    "collapse_ceiling": 0.05,
    "clique_ceiling": None,
    "mixing": 0.1,
    "mixing_chance": 0.002,
    "compactness": 0.8,
    "hub_share": 0.02,
    "cohesion": 0.5,
    "articles_cohesion": 0.5,
    "duplicated_targets": 0.01,
    "truncated": 0.02,
    "answers_recall": None,
    "answers_absent": None,
    "pseudo_percentile": None,
    "overlap": 0.75,
    "overlap_low": 0.68,
    "merged": 0.76,
    "soft_50": 0.9,
    "self_recall": 0.7,
    "agreement": 0.9,
    "map_compactness": 0.7,
    "targets_outside": 0.0,
    "ceiling": None,
    "cliques_kept": None,
}
LOW = {"overlap": 0.35, "overlap_low": 0.3, "merged": 0.36, "soft_50": 0.5}
NO_MAP = {"overlap": None}
AT_MOST = {"overlap_low": 0.45, "ceiling": 0.6, "clique_ceiling": 0.6, "cliques_kept": 1.0}


def filled(kind: Any, **values: Any) -> Any:
    """Return a result whose other fields no cause looks at."""
    return kind(**dict.fromkeys((f.name for f in dataclasses.fields(kind)), None) | values)


def facts(**changes: Any) -> Facts:
    """Return the facts of a good case with some changes; an overlap of None is no map."""
    v = GOOD | changes
    of_space = {f.name for f in dataclasses.fields(SpaceFacts)}
    recall = v["answers_recall"]
    answers = None if recall is None else AnswersFound(60, recall, recall)
    space = filled(SpaceFacts, answers=answers, **{name: v[name] for name in v if name in of_space})
    if v["overlap"] is None:
        return Facts(5, v["articles"], v["questions"], space)
    search = filled(
        Placement,
        overlap=Interval(v["overlap"], v["overlap_low"], v["overlap"], 0.95, "question"),
        merged=v["merged"],
        soft={50: v["soft_50"]},
        compactness=v["map_compactness"],
    )
    own = Interval(v["self_recall"], v["self_recall"], v["self_recall"], 0.95, "question")
    outside, agreement = v["targets_outside"], v["agreement"]
    most = v["ceiling"]
    found = filled(
        MapOverlap,
        name="flat",
        self_recall=own,
        agreement=agreement,
        targets_outside=outside,
        search=search,
        ceiling=None if most is None else Interval(most, most, most, 0.95, "question"),
        cliques_kept=v["cliques_kept"],
    )
    return Facts(5, v["articles"], v["questions"], space, found)


def first(**changes: Any) -> Verdict:
    if changes.get("overlap") is not None:
        changes = {"merged": changes["overlap"], **changes}
    return diagnose(facts(**changes))[0]


@pytest.mark.parametrize(
    ("changes", "cause", "confidence"),
    [
        ({}, Cause.HEALTHY, Confidence.HIGH),
        ({"overlap_low": 0.55}, Cause.HEALTHY, Confidence.MEDIUM),
        ({"questions": 10}, Cause.HEALTHY, Confidence.HIGH),
        ({"questions": 9}, Cause.HEALTHY, Confidence.MEDIUM),
        ({"truncated": 0.5}, Cause.HEALTHY, Confidence.HIGH),
        ({"duplicated_targets": 0.5}, Cause.HEALTHY, Confidence.HIGH),
        (NO_MAP, Cause.HEALTHY, Confidence.MEDIUM),
        ({**LOW, "self_recall": 0.001, "agreement": 0.5}, Cause.STALE_MAP, Confidence.HIGH),
        ({"merged": 0.9}, Cause.DUPLICATES, Confidence.HIGH),
        ({**LOW, "merged": 0.5}, Cause.DUPLICATES, Confidence.HIGH),
        ({**NO_MAP, "duplicated_targets": 0.4}, Cause.DUPLICATES, Confidence.MEDIUM),
        (
            {**LOW, "overlap": 0.04, "merged": 0.04, "map_compactness": 0.004, "mixing": 0.9},
            Cause.ISLAND,
            Confidence.HIGH,
        ),
        (
            {**LOW, "map_compactness": 0.004, "collapse_ceiling": 0.7, "distinct_ratio": 0.1},
            Cause.SHARED_NEIGHBORS,
            Confidence.MEDIUM,
        ),
        # 0.5 is three quarters of the way from the floor, 0.2, to the ceiling, 0.6.
        ({"overlap": 0.5, **AT_MOST}, Cause.SCATTERED, Confidence.MEDIUM),
        ({"overlap": 0.5, **AT_MOST, "clique_ceiling": 0.59}, Cause.SCATTERED, Confidence.HIGH),
        ({"overlap": 0.5, **AT_MOST, "clique_ceiling": 0.59, "questions": 9}, Cause.SCATTERED, Confidence.MEDIUM),
        ({"overlap": 0.49, **AT_MOST}, Cause.UNEXPLAINED, Confidence.LOW),
        ({"overlap": 0.5, **AT_MOST, "self_recall": 0.5}, Cause.SCATTERED, Confidence.MEDIUM),
        ({"overlap": 0.5, **AT_MOST, "cliques_kept": 0.74}, Cause.UNEXPLAINED, Confidence.LOW),
        ({"overlap": 0.5, **AT_MOST, "cliques_kept": 0.74, "self_recall": 0.5}, Cause.PROJECTION, Confidence.HIGH),
        ({"overlap": 0.6, **AT_MOST}, Cause.HEALTHY, Confidence.MEDIUM),
        ({"hub_share": 0.4, "distinct_ratio": 0.2}, Cause.HUBS, Confidence.MEDIUM),
        ({**NO_MAP, "hub_share": 0.9, "distinct_ratio": 0.1}, Cause.HUBS, Confidence.HIGH),
        ({**LOW, "overlap": 0.1, "merged": 0.1, "self_recall": 0.7}, Cause.PLACEMENT, Confidence.HIGH),
        ({"nearest_percentile": 99.0}, Cause.COVERAGE_OR_STYLE, Confidence.MEDIUM),
        ({**NO_MAP, "nearest_percentile": 99.0}, Cause.COVERAGE_OR_STYLE, Confidence.MEDIUM),
        ({"nearest_percentile": 99.0, "answers_absent": 0.9}, Cause.COVERAGE, Confidence.HIGH),
        (
            {"nearest_percentile": 99.0, "answers_absent": 0.0, "answers_recall": 0.6},
            Cause.STYLE,
            Confidence.MEDIUM,
        ),
        ({"nearest_percentile": 99.0, "pseudo_percentile": 99.0}, Cause.STYLE, Confidence.HIGH),
        ({"nearest_percentile": 99.0, "pseudo_percentile": 85.0}, Cause.STYLE, Confidence.MEDIUM),
        ({"nearest_percentile": 99.0, "pseudo_percentile": 40.0}, Cause.COVERAGE, Confidence.HIGH),
        # Where the answers are known they decide; pseudo-questions that say otherwise make it less sure.
        (
            {"nearest_percentile": 99.0, "pseudo_percentile": 99.0, "answers_absent": 0.0},
            Cause.STYLE,
            Confidence.HIGH,
        ),
        (
            {"nearest_percentile": 99.0, "pseudo_percentile": 40.0, "answers_absent": 0.0},
            Cause.STYLE,
            Confidence.LOW,
        ),
        (
            {"nearest_percentile": 99.0, "pseudo_percentile": 99.0, "answers_absent": 0.9},
            Cause.COVERAGE,
            Confidence.MEDIUM,
        ),
        (
            {"nearest_percentile": 99.0, "pseudo_percentile": 40.0, "answers_absent": 0.9},
            Cause.COVERAGE,
            Confidence.HIGH,
        ),
        ({"answers_recall": 0.4, "answers_absent": 0.1}, Cause.ANSWERS, Confidence.MEDIUM),
        ({"answers_recall": 0.1, "answers_absent": 0.0}, Cause.ANSWERS, Confidence.HIGH),
        ({**NO_MAP, "answers_recall": 0.1}, Cause.ANSWERS, Confidence.HIGH),
        ({"answers_recall": 0.8, "answers_absent": 0.0}, Cause.HEALTHY, Confidence.HIGH),
        ({**LOW, "self_recall": 0.2, "answers_recall": 0.4}, Cause.ANSWERS, Confidence.MEDIUM),
        ({"nearest_percentile": 99.0, "answers_absent": 0.0, "answers_recall": 0.1}, Cause.STYLE, Confidence.MEDIUM),
        ({**LOW, "self_recall": 0.2}, Cause.PROJECTION, Confidence.HIGH),
        ({**LOW, "self_recall": 0.2, "distinct_ratio": 0.5}, Cause.PROJECTION, Confidence.MEDIUM),
        ({**LOW, "cohesion": 0.2}, Cause.BROAD, Confidence.MEDIUM),
        ({**LOW, "self_recall": 0.9}, Cause.UNEXPLAINED, Confidence.LOW),
    ],
)
def test_each_branch(changes: dict[str, Any], cause: Cause, confidence: Confidence) -> None:
    found = first(**changes)
    assert (found.cause, found.confidence) == (cause, confidence)
    assert found.because
    assert found.experiment
    assert found.remedy


@pytest.mark.parametrize(
    ("name", "low", "high", "changes"),
    [
        ("nearest_percentile", 95.0, 95.1, {}),
        ("overlap", 0.59, 0.6, {"self_recall": 0.55}),
        ("overlap", 0.199, 0.2, {"self_recall": 0.2}),
        ("merged", 0.84, 0.86, {}),
        ("hub_share", 0.29, 0.31, {"distinct_ratio": 0.5}),
        ("distinct_ratio", 0.6, 0.61, {"hub_share": 0.5}),
        ("self_recall", 0.02, 0.021, {**LOW, "agreement": 0.5}),
        ("agreement", 0.55, 0.56, {**LOW, "self_recall": 0.01}),
        ("map_compactness", 0.079, 0.081, LOW),
        ("answers_recall", 0.49, 0.5, {}),
        ("pseudo_percentile", 74.9, 75.0, {"nearest_percentile": 99.0}),
    ],
)
def test_each_threshold(name: str, low: float, high: float, changes: dict[str, Any]) -> None:
    assert first(**{**changes, name: low}).cause is not first(**{**changes, name: high}).cause


def test_a_fault_further_up_comes_first_and_the_others_follow() -> None:
    found = diagnose(facts(**{**LOW, "merged": 0.5}, self_recall=0.2, nearest_percentile=99.0, truncated=0.5))
    assert [v.cause for v in found] == [
        Cause.DUPLICATES,
        Cause.COVERAGE_OR_STYLE,
        Cause.PROJECTION,
        Cause.TRUNCATION,
    ]


def test_far_questions_get_the_way_to_separate_coverage_from_style() -> None:
    remedy = first(nearest_percentile=99.0).remedy
    assert str(remedy) == 'Find out which of the two: add explain=True, or give "answers" in the file of questions.'
    assert "add --explain, or" in as_text(remedy).spelled(CommandLine("overlap"))


def test_truncation_is_never_the_first_cause() -> None:
    found = diagnose(facts(**LOW, self_recall=0.9, truncated=0.5))
    assert [v.cause for v in found] == [Cause.UNEXPLAINED, Cause.TRUNCATION]


def test_in_a_small_table_chance_is_not_taken_for_a_map() -> None:
    # 5 of 49 others by chance: a self-recall of 0.1 is nothing, one of 0.3 is something.
    assert first(**LOW, articles=50, self_recall=0.1, agreement=0.5).cause is Cause.STALE_MAP
    assert first(**LOW, articles=50, self_recall=0.3, agreement=0.5).cause is Cause.PROJECTION


def test_the_first_users_dot() -> None:
    # Overlap 4 %, questions within 0.03 x 0.04 of a map of 16 x 16: below the snap floor, drawn together by the fit.
    found = first(overlap=0.04, overlap_low=0.02, merged=0.04, self_recall=0.16, map_compactness=0.003, mixing=0.6)
    assert found.cause is Cause.ISLAND
    assert found.because["compactness on the map"] == 0.003


@pytest.mark.parametrize(
    ("hub_share", "confidence"), [(0.49, Confidence.MEDIUM), (0.5, Confidence.HIGH), (0.55, Confidence.HIGH)]
)
def test_hubs_that_hold_half_of_the_lists_are_sure(hub_share: float, confidence: Confidence) -> None:
    found = first(hub_share=hub_share, distinct_ratio=0.2)
    assert (found.cause, found.confidence) == (Cause.HUBS, confidence)


def test_a_map_that_keeps_little_shows_how_much_is_kept_near_by() -> None:
    found = first(**LOW, self_recall=0.2)
    assert found.cause is Cause.PROJECTION
    assert found.because == {
        "overlap": 0.35,
        "self_recall": 0.2,
        "expected from the map's own quality": pytest.approx(0.2 + 0.8 * 0.2),
        "soft overlap within 50": 0.5,
    }
    assert "soft overlap within 50" not in first(**{**LOW, "soft_50": None}, self_recall=0.2).because


def test_a_stale_map_shows_what_chance_gives() -> None:
    found = first(**LOW, self_recall=0.001, agreement=0.5, articles=101)
    assert found.because == {"self_recall": 0.001, "chance": 0.05, "agreement (chance 0.5)": 0.5}


@pytest.mark.parametrize(("outside", "named"), [(0.49, False), (0.5, True), (0.9, True)])
def test_targets_outside_the_map_are_named_from_one_half_on(outside: float, named: bool) -> None:
    found = first(overlap=0.1, targets_outside=outside)
    assert found.cause is Cause.PLACEMENT
    assert found.because["targets_outside"] == outside
    # Only then does a map of all articles help.
    assert (found.remedy != first(overlap=0.1).remedy) is named
    assert (found.summary != first(overlap=0.1).summary) is named


def test_a_loss_beyond_what_the_map_explains_is_no_projection() -> None:
    # Snapping keeps 0.2, and the map's own quality 0.8 x 0.55 more: 0.64 are expected; 0.25 less is too far.
    assert first(**{**LOW, "overlap": 0.38}, self_recall=0.55).cause is Cause.UNEXPLAINED
    assert first(**{**LOW, "overlap": 0.4}, self_recall=0.55).cause is Cause.PROJECTION
