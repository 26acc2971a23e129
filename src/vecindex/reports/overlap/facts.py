"""Figures as tables: embedding space, geometry, the metrics of other packages, and the lines that were skipped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vecindex.reports.figures import NONE, count, distance, ends, figure, mean_of, number, share, spoken
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.overlap.maps import RULES
from vecindex.reports.page import Section
from vecindex.reports.tables import Column, table

Values = Mapping[str, Any]
Show = Callable[[Any], str]
Rows = Sequence[Sequence[object]]
Words = dict[str, tuple[str, Show, str]]
_NEAR: Words = {
    "nearest_dist": ("nearest article, median distance", distance, "of the questions"),
    "articles_nearest_dist": ("nearest other article, median distance", distance, "of the articles"),
    "nearest_percentile": (
        "percentile of the questions' distance",
        figure,
        "among the articles' own; lower is closer",
    ),
    "pseudo_percentile": ("the same for pseudo-questions", figure, "stored articles in the wording of the questions"),
    "far_share": ("questions beyond the 95th percentile", share, "topic missing, or wording too different"),
    "cohesion": ("cohesion of a question's nearest", figure, "mean cosine of their pairs"),
    "articles_cohesion": ("cohesion of an article's nearest", figure, ""),
    "compactness": ("compactness", figure, "distance of two questions over that of two articles"),
}
_OPTIONAL = ("pseudo_percentile", "clique_ceiling")
"""Left out, rather than shown as a dash, where they were not requested."""
_SHARED: Words = {
    "distinct_ratio": ("distinct true neighbors", share, "100% when the questions share none"),
    "collapse_ceiling": ("ceiling of a collapse", share, "the best overlap with all questions at one position"),
    "clique_ceiling": (
        "nearest that are near to each other",
        share,
        "the largest set of each question; the ceiling of a map that is not laid out for them",
    ),
    "mixing": ("questions among a question's nearest", share, "a property, to be compared with its chance"),
    "mixing_chance": ("chance of this", share, ""),
    "hub_share": ("true neighbors that are hubs", share, "lower is better"),
    "hubness_skew": ("hubness skew", figure, "compare only over equally many lists"),
    "duplicated_targets": ("true neighbors with a near-duplicate", share, "in the same list"),
}
_ARTICLES: Words = {
    "duplicated_articles": ("with a near-duplicate in the table", share, ""),
    "truncated": ("truncated by the model", share, ""),
    "sample": ("sampled for these figures", count, ""),
}
_ANSWERS: Words = {
    "recall": ("found among the nearest", share, "recall, over the questions whose answers are known"),
    "mrr": ("MRR", figure, "mean of 1 / rank of the first one"),
    "questions": ("questions whose answers are known", count, ""),
}
_STYLE: Words = {
    "gap": ("gap of the means", figure, "distance of the mean question from the mean article"),
    "centroid_cosine": ("cosine of the means", figure, ""),
    "question_question": ("two questions", figure, "mean cosine"),
    "question_article": ("a question and its nearest article", figure, "mean cosine"),
    "article_article": ("an article and its nearest other one", figure, "mean cosine"),
    "auc": ("separable from articles (AUC)", figure, "0.5: not at all"),
    "auc_near": ("separable from their own nearest articles (AUC)", figure, "the rest is wording"),
}
_OF_FIDELITY: Words = {
    "trustworthiness": ("trustworthiness", figure, "of the articles; 1 is perfect, about 0.5 random"),
    "continuity": ("continuity", figure, "of the articles; 1 is perfect, about 0.5 random"),
    "rnx_area": ("area under R_NX", figure, "overlap of the articles' own, adjusted for chance, over log k"),
}
_ABSENT: Words = {"answers_absent": ("not in the table", share, "of the given ones")}


def space_section(found: Values) -> Section:
    """Return the figures of embedding space; those without a label here have their own names."""
    space = found["space"]
    answers: Rows = [*_rows(space.get("answers") or {}, _ANSWERS)]
    if space.get("answers_absent") is not None:
        answers = [*answers, *_rows(space, _ABSENT)]
    if mean_of(space.get("topic_precision")) is not None:
        precision = share(mean_of(space["topic_precision"]))
        answers = [*answers, [_named("on the question's topic", "share of the nearest"), precision]]
    known = {*_NEAR, *_SHARED, *_ARTICLES, *_ABSENT, "topic_precision"}
    others = [[given(spoken(key)), figure(_value(value))] for key, value in _unknown(space, known)]
    groups: list[tuple[str, Rows]] = [
        ("How near the questions are", _rows(space, _NEAR)),
        ("What the questions share", _rows(space, _SHARED)),
        ("The articles", [*_rows(space, _ARTICLES), *others]),
        ("The right articles", answers),
        ("How differently questions and articles are distributed", _rows(space.get("style") or {}, _STYLE)),
    ]
    columns = [Column("figure"), Column("value", True)]
    made = [
        tag("div", table(columns, rows, caption=name, css="facts"), class_="spaced") for name, rows in groups if rows
    ]
    return Section("space", "Embedding space", tag("div", *made, class_="charts two"))


def _rows(values: Values, words: Words) -> list[list[object]]:
    return [
        [_named(label, note), show(values[key])]
        for key, (label, show, note) in words.items()
        if key in values and not (key in _OPTIONAL and values[key] is None)
    ]


def geometry_section(found: Values) -> Section | None:
    """Return the geometry of questions (at their best positions) and articles on each map; None without a map."""
    maps = found["maps"]
    if not maps:
        return None
    rows: list[list[object]] = []

    def add(label: object, cells: Sequence[str], note: str) -> None:
        rows.append([_named(label, note), *cells])

    def of_placement(key: str, show: Show) -> list[str]:
        return [show(one["search"].get(key)) for one in maps]

    inside = [f"{count(o['search']['articles_inside'])} ({_expected(o['search'])})" for o in maps]
    note = "expected from its share of the map's area; chunks in a table of chunks"
    add("articles in the questions' padded box (expected)", inside, note)
    space = figure(found["space"].get("compactness"))
    add(
        "compactness",
        of_placement("compactness", figure),
        f"in embedding space {space}; far smaller: crowded",
    )
    add("area of the questions' hull", of_placement("hull_share", share), "of the articles' hull")
    add("distinct lists", of_placement("distinct_lists", share), "100% when no two questions coincide")
    add("true neighbors that are not on the map", [share(o.get("targets_outside")) for o in maps], "")
    if any(o.get("cliques_kept") is not None for o in maps):
        note = "of articles that are near to each other: what the map keeps, of what it could"
        add("articles kept together", [share(o.get("cliques_kept")) for o in maps], note)
    add("agreement", [figure(o.get("agreement")) for o in maps], "0.5 is chance")
    for key, (label, show, note) in _OF_FIDELITY.items():
        values = [(o.get("fidelity") or {}).get(key) for o in maps]
        if any(mean_of(value) is not None for value in values):
            add(label, [_with_ends(value, show) for value in values], note)
    for key, label, note in (
        ("entropy", "evenness of the articles: entropy", "1: all cells hold the same number"),
        ("gini", "Gini", "0: all cells hold the same number"),
        ("occupied", "occupied cells", ""),
        ("clark_evans", "Clark-Evans R", "1 random, below 1 clumped"),
    ):
        show = share if key == "occupied" else figure
        add(label, [show((o.get("evenness") or {}).get(key)) for o in maps], note)
    add("grid", [_grid(o.get("evenness")) for o in maps], "entropy, Gini and occupied cells depend on it")
    for holder, known in (("", _MAP_KNOWN), ("search", _PLACEMENT_KNOWN)):
        for key in dict.fromkeys(key for o in maps for key, _ in _unknown(o[holder] if holder else o, known)):
            cells = [figure(_value((o[holder] if holder else o).get(key))) for o in maps]
            add(given(spoken(key)), cells, "")
    columns = [Column("figure"), *(Column(given(one["name"]), True) for one in maps)]
    caption = "The questions, at their best positions, among the articles"
    return Section("geometry", "Geometry", table(columns, rows, caption=caption, css="facts"))


_MAP_KNOWN = ("articles", "outside", "targets_outside", "agreement", "self_recall", "ceiling", "cliques_kept")
_PLACEMENT_KNOWN = (
    "overlap",
    "rank_weighted",
    "enough",
    "none",
    "adjusted",
    "merged",
    "distinct_lists",
    "compactness",
    "articles_inside",
    "articles_expected",
    "hull_share",
    "topic_precision",
)


def _unknown(values: Values, known: Any) -> list[tuple[str, Any]]:
    """Return the figures and intervals that have no label here."""
    return [(key, value) for key, value in values.items() if key not in known and _value(value) is not None]


def _value(value: Any) -> float | None:
    return mean_of(value) if isinstance(value, Mapping) else number(value)


def _with_ends(interval: Values | None, show: Show) -> str:
    text = ends(interval, show)
    return show(mean_of(interval)) + (f" ({text})" if text != NONE else "")


def _expected(placed: Values) -> str:
    found = number(placed.get("articles_expected"))
    return figure(None) if found is None else f"{found:,.1f}"


def _grid(evenness: Values | None) -> str:
    if not evenness:
        return figure(None)
    sides = f"{figure(evenness['cell_width'])} × {figure(evenness['cell_height'])}"
    return f"{count(evenness['cells'])} cells of {sides}"


def _named(label: object, note: str) -> Markup:
    return joined([label, tag("div", note, class_="small quiet") if note else None])


def metrics_section(found: Values) -> Section | None:
    """Return a table of these metrics on each map, with what they are; None where there are none."""
    about = found.get("metrics") or {}
    rows = [
        [given(one["name"]), placed, given(_label(name, about)), figure(mean_of(value)), ends(value, figure)]
        for one in found["maps"]
        for rule, placed in RULES.items()
        for name, value in (one[rule].get("metrics") or {}).items()
    ]
    if not rows:
        return None
    columns = [Column("map"), Column("placement"), Column("metric"), Column("mean", True), Column("interval", True)]
    notes = [
        tag("p", given(f"{one['label']}: {one['about']}{_direction(one)}"), class_="small quiet")
        for one in about.values()
    ]
    return Section("metrics", "Further metrics", joined([table(columns, rows, caption="Further metrics"), *notes]))


def _label(name: str, about: Values) -> str:
    metric, at, depth = name.partition("@")
    return str(about[metric]["label"]) + at + depth if metric in about else name


def _direction(about: Values) -> str:
    return "" if about["higher_is_better"] else "; lower is better"


def skipped_section(found: Values) -> Section | None:
    """Return the lines of the file that were skipped or counted once; None without any."""
    rejected, duplicates = found.get("rejected") or (), found.get("duplicates") or ()
    if not rejected and not duplicates:
        return None
    lines = [*(("skipped", one) for one in rejected), *(("counted once", one) for one in duplicates)]
    rows = [[given(one["place"]), action, given(one["reason"])] for action, one in lines]
    columns = [Column("location"), Column("action"), Column("reason")]
    intro = tag("p", f"{count(len(rejected))} skipped, {count(len(duplicates))} counted once.", class_="quiet")
    return Section("skipped", "Skipped lines", joined([intro, table(columns, rows, caption="Lines")]))
