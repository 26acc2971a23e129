"""Each question: a row to sort and to filter, and its neighbors in both spaces as data for when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.figures import count, distance, kept, number, share
from vecindex.reports.markup import Markup, given, joined, json_block, tag
from vecindex.reports.overlap_curves import DRAWN
from vecindex.reports.overlap_maps import RULES
from vecindex.reports.page import Section

Values = Mapping[str, Any]


def items(found: Values) -> list[Values]:
    """Return the questions in the order of their numbers; one that was typed beside a file of others stands last."""
    typed = found.get("typed")
    return [*found["rows"], *([typed] if typed else [])]


def worst_first(found: Values) -> list[tuple[int, Values]]:
    """Return the questions with their numbers: least overlap on the best map first; without a map, farthest first.

    One that was typed comes before all.
    """
    rows = list(enumerate(items(found)))
    counted = len(found["rows"])
    best = found["maps"][0]["name"] if found["maps"] else None

    def key(item: tuple[int, Values]) -> tuple[bool, float, str]:
        row = item[1]
        if best is None:
            value = -(number(row["nearest_dist"]) or 0.0)
        else:
            value = number(row["maps"][best]["search"]["overlap"]) or 0.0
        return item[0] < counted, value, row["id"]

    return sorted(rows, key=key)


def questions_section(found: Values) -> Section:
    """Return the table of questions, the worst first."""
    maps = [one["name"] for one in found["maps"][:DRAWN]]
    has_topics = any(row.get("topic") is not None for row in items(found))
    has_answers = any(row.get("answers_recall") is not None for row in items(found))
    rows = worst_first(found)
    head = [_head("question", "text")]
    head += [_head("topic", "text", wide=True)] if has_topics else []
    head += [
        _head(joined(["kept on ", given(name)]), "number", figures=True, wide=i > 0, sorted_=i == 0)
        for i, name in enumerate(maps)
    ]
    head.append(_head("nearest distance", "number", figures=True, down=not maps))
    head.append(_head("percentile", "number", figures=True, wide=True))
    head += [_head("right articles", "number", figures=True, wide=True)] if has_answers else []
    bodies = [
        tag(
            "tbody",
            tag("tr", *_cells(found, row, number_, maps, has_topics, has_answers)),
            data_question=number_,
            data_order=order,
        )
        for order, (number_, row) in enumerate(rows)
    ]
    tools = tag(
        "div",
        tag("label", "Filter questions", for_="questions-filter", class_="hidden"),
        tag(
            "input",
            type="search",
            id="questions-filter",
            placeholder="Filter by text, topic or id",
            autocomplete="off",
            data_filter="questions-table",
            data_told="questions-shown",
        ),
        tag("span", f"{len(rows)} in all", id="questions-shown", role="status", class_="quiet small"),
        class_="tools",
    )
    intro = (
        "The worst on the best map first, placed by candidate search. Open one to see its neighbors in both spaces."
        if maps
        else "The farthest from any article first. Open one to see its nearest articles."
    )
    made = tag("table", tag("thead", tag("tr", *head)), *bodies, class_="items", id="questions-table")
    noscript = tag("noscript", tag("p", "Sorting, filtering and opening a question need JavaScript."))
    return Section("questions", "Questions", joined([tag("p", intro, class_="quiet"), noscript, tools, made]))


def _head(
    name: object,
    kind: str,
    *,
    figures: bool = False,
    wide: bool = False,
    sorted_: bool = False,
    down: bool = False,
) -> Markup:
    css = " ".join(["n"] * figures + ["wide"] * wide)
    order = "ascending" if sorted_ else "descending" if down else None
    by = tag("button", name, type="button")
    return tag("th", by, scope="col", class_=css or None, data_sort=kind, aria_sort=order)


def _cells(
    found: Values, row: Values, number_: int, maps: Sequence[str], has_topics: bool, has_answers: bool
) -> list[Markup]:
    k = found["k"]
    typed = ", typed; it counts in no figure" if number_ >= len(found["rows"]) else None
    opener = tag(
        "button",
        tag("span", given(row["text"]), " ", tag("span", given(row["id"]), typed, class_="small quiet")),
        type="button",
        class_="opener",
        aria_expanded="false",
        aria_controls=f"neighbors-{number_}",
    )
    cells = [tag("td", opener)]
    if has_topics:
        cells.append(tag("td", given(row["topic"]) if row.get("topic") is not None else "", class_="wide topic"))
    for i, name in enumerate(maps):
        value = number(row["maps"][name]["search"]["overlap"])
        meter = _meter(value) if i == 0 else None
        css = "n" if i == 0 else "n wide"
        cells.append(tag("td", kept(value, k), meter, class_=css, data_v=_sortable(value)))
    near, percentile = number(row["nearest_dist"]), number(row["nearest_percentile"])
    cells.append(tag("td", distance(near), class_="n", data_v=_sortable(near)))
    cells.append(tag("td", count(percentile), class_="n wide", data_v=_sortable(percentile)))
    if has_answers:
        recall = number(row.get("answers_recall"))
        cells.append(tag("td", share(recall), class_="n wide", data_v=_sortable(recall)))
    return cells


def _meter(value: float | None) -> Markup | None:
    """Return a small bar beside a figure that says the same."""
    if value is None:
        return None
    return tag("span", tag("i", style=f"width:{100 * value:.0f}%"), class_="meter", aria_hidden="true")


def _sortable(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def questions_data(found: Values) -> Markup:
    """Return the neighbors of all questions as data.

    Each article stands there once, as [id, title, chunk]. A neighbor is [article, distance], or [article, distance,
    rank in the other space] where that is known; null is a rank beyond `depth`.
    """
    numbers: dict[tuple[str, str | None, str | None], int] = {}

    def near(neighbors: Sequence[Values]) -> list[list[float | int | None]]:
        told: list[list[float | int | None]] = []
        for one in neighbors:
            key = (one["id"], one.get("title"), one.get("chunk"))
            dist = number(one["dist"])
            told.append([numbers.setdefault(key, len(numbers)), None if dist is None else float(f"{dist:.4g}")])
        return told

    def on_map(placed: Values) -> Values:
        there = near(placed["neighbors"])
        for one, rank in zip(there, placed.get("neighbor_ranks") or [], strict=False):
            one.append(rank)
        told = {"near": there, "facts": _facts_on_map(placed, found)}
        if placed.get("target_ranks") is not None:
            told |= {"ranks": placed["target_ranks"], "depth": placed.get("depth")}
        return told

    names = [one["name"] for one in found["maps"]]
    questions = [
        {
            "facts": _facts(row),
            "near": near(row["neighbors"]),
            "maps": [[on_map(row["maps"][name][rule]) for rule in RULES] for name in names],
        }
        for row in items(found)
    ]
    values = {"maps": names, "rules": list(RULES.values()), "articles": list(numbers), "questions": questions}
    return json_block(values, "neighbors")


def _facts(row: Values) -> list[str]:
    told = []
    if row.get("topic") is not None:
        told.append(f"topic: {row['topic']}")
    percentile = number(row["nearest_percentile"])
    if percentile is not None:
        told.append(f"closer to its nearest article than {100 - percentile:.0f}% of the articles are to theirs")
    recall, reciprocal = number(row.get("answers_recall")), number(row.get("answers_reciprocal_rank"))
    if recall is not None:
        told.append(f"right articles found {share(recall)}")
    if reciprocal:
        told.append(f"the first at rank {count(round(1 / reciprocal))}")
    return told


def _facts_on_map(placed: Values, found: Values) -> list[str]:
    told = [f"kept {kept(placed['overlap'], found['k'])}", f"rank-weighted {share(placed['rank_weighted'])}"]
    told += [f"within {depth} on the map {share(value)}" for depth, value in placed["soft"].items()]
    return told
