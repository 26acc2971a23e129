"""Each question: a row to sort and to filter, and its neighbors in both spaces as data for when it is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.core.questions import worst_first as of_question
from vecindex.reports.figures import count, distance, kept, number, share
from vecindex.reports.markup import Markup, json_block
from vecindex.reports.overlap.curves import DRAWN
from vecindex.reports.overlap.maps import RULES, the_map
from vecindex.reports.page import Section, rendered

Values = Mapping[str, Any]


def items(found: Values) -> list[Values]:
    """Return the questions in the order of their numbers; one typed in addition to a file is the last."""
    typed = found.get("typed")
    return [*found["rows"], *([typed] if typed else [])]


def worst_first(found: Values) -> list[tuple[int, Values]]:
    """Return the questions with their numbers: least overlap on the best map first; without a map, farthest first.

    A typed question comes before all others.
    """
    rows = list(enumerate(items(found)))
    counted = len(found["rows"])
    best = found["maps"][0]["name"] if found["maps"] else None

    def key(item: tuple[int, Values]) -> tuple[bool, tuple[float, float, str]]:
        row = item[1]
        overlap = None if best is None else number(row["maps"][best]["search"]["overlap"])
        return item[0] < counted, of_question(overlap, number(row["nearest_dist"]) or 0.0, row["id"])

    return sorted(rows, key=key)


def questions_section(found: Values) -> Section:
    """Return the table of questions, the worst first."""
    maps = [one["name"] for one in found["maps"][:DRAWN]]
    names = [the_map(found, name) for name in maps]
    all_rows = items(found)
    has_topics = any(row.get("topic") is not None for row in all_rows)
    has_answers = any(row.get("answers_recall") is not None for row in all_rows)
    rows = [
        {
            "number": position,
            "id": row["id"],
            "text": row["text"],
            "topic": row.get("topic"),
            "typed": position >= len(found["rows"]),
            "overlaps": [_overlap(row, name, found["k"], first=i == 0) for i, name in enumerate(maps)],
            "figures": _figures(row, has_answers),
        }
        for position, row in worst_first(found)
    ]
    body = rendered("questions.html", maps=names, rows=rows, has_topics=has_topics, has_answers=has_answers)
    return Section("questions", "Questions", body)


def _overlap(row: Values, name: str, k: int, *, first: bool) -> tuple[str, str, str, str | None]:
    """Return a cell's class, text and sort key, and the width of its meter: only the best map has one."""
    value = number(row["maps"][name]["search"]["overlap"])
    meter = f"{100 * value:.0f}%" if first and value is not None else None
    return "n" if first else "n wide", kept(value, k), _sortable(value), meter


def _figures(row: Values, has_answers: bool) -> list[tuple[str, str, str]]:
    near, percentile, recall = (number(row.get(n)) for n in ("nearest_dist", "nearest_percentile", "answers_recall"))
    cells = [("n", distance(near), _sortable(near)), ("n wide", count(percentile), _sortable(percentile))]
    return [*cells, ("n wide", share(recall), _sortable(recall))] if has_answers else cells


def _sortable(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def questions_data(found: Values) -> Markup:
    """Return the neighbors of all questions as data.

    Each article is listed once, as [id, title, chunk]. A neighbor is [article, distance], or [article, distance, rank
    in the other space] where that is known; null is a rank beyond `depth`.
    """
    numbers: dict[tuple[str, str | None, str | None], int] = {}

    def near(neighbors: Sequence[Values]) -> list[list[float | int | None]]:
        pairs: list[list[float | int | None]] = []
        for one in neighbors:
            key = (one["id"], one.get("title"), one.get("chunk"))
            dist = number(one["dist"])
            pairs.append([numbers.setdefault(key, len(numbers)), None if dist is None else float(f"{dist:.4g}")])
        return pairs

    def on_map(placed: Values) -> Values:
        neighbors = near(placed["neighbors"])
        for one, rank in zip(neighbors, placed.get("neighbor_ranks") or [], strict=False):
            one.append(rank)
        values = {"near": neighbors, "facts": _facts_on_map(placed, found["k"])}
        if placed.get("target_ranks") is not None:
            values |= {"ranks": placed["target_ranks"], "depth": placed.get("depth")}
        return values

    names = [one["name"] for one in found["maps"]]
    questions = [
        {
            "why": list(row.get("why") or ()),
            "facts": _facts(row, found["k"]),
            "near": near(row["neighbors"]),
            "maps": [[on_map(row["maps"][name][rule]) for rule in RULES] for name in names],
        }
        for row in items(found)
    ]
    ranked = found.get("ranked")
    ranker = None if ranked is None else ranked["ranker"]
    values = {
        "maps": names,
        "rules": list(RULES.values()),
        "articles": list(numbers),
        "questions": questions,
        "ranker": ranker,
    }
    return json_block(values, "neighbors")


def _facts(row: Values, k: int) -> list[str]:
    facts = [] if row.get("topic") is None else [f"topic: {row['topic']}"]
    clique = number(row.get("clique"))
    if clique is not None:
        which = f"{k} nearest" if row.get("in_space") is None else f"first {k} hits"
        facts.append(f"{clique:.0f} of its {which} are near to each other")
    percentile = number(row["nearest_percentile"])
    if percentile is not None:
        facts.append(f"closer to its nearest article than {100 - percentile:.0f}% of the articles are to theirs")
    recall, reciprocal = number(row.get("answers_recall")), number(row.get("answers_reciprocal_rank"))
    if recall is not None:
        facts.append(f"right articles found {share(recall)}")
    if reciprocal:
        facts.append(f"the first at rank {count(round(1 / reciprocal))}")
    return facts


def _facts_on_map(placed: Values, k: int) -> list[str]:
    facts = [f"kept {kept(placed['overlap'], k)}", f"rank-weighted {share(placed['rank_weighted'])}"]
    return facts + [f"within {depth} on the map {share(value)}" for depth, value in placed["soft"].items()]
