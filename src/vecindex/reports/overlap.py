"""The result of `overlap` as a page.

It is made from the plain values of `OverlapResult.to_dict()`, which are also what `--json` prints. What is missing or
null there is left out or shown as a dash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.figures import count, distance, ends, figure, mean_of, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.overlap_causes import causes_section, experiments_section
from vecindex.reports.overlap_corpus import corpus_section
from vecindex.reports.overlap_curves import curves_section, spread_section
from vecindex.reports.overlap_facts import geometry_section, left_out_section, space_section
from vecindex.reports.overlap_maps import enough_of, maps_section
from vecindex.reports.overlap_metrics import metrics_section
from vecindex.reports.overlap_questions import questions_data, questions_section
from vecindex.reports.page import page

Values = Mapping[str, Any]


def overlap_page(found: Values, *, version: str, made: str | None = None, links: Sequence[Markup] = ()) -> str:
    """Return the page of a result; the same values give the same page.

    Parameters
    ----------
    found : `OverlapResult.to_dict()`, or what `vecindex overlap --json` printed.
    version : of vecindex, for the foot of the page.
    made : when, as it should stand there; None leaves it out.
    links : to other pages, for the bar.
    """
    sections = [
        maps_section(found),
        causes_section(found),
        experiments_section(found),
        spread_section(found),
        curves_section(found),
        corpus_section(found),
        space_section(found),
        geometry_section(found),
        metrics_section(found),
        questions_section(found),
        left_out_section(found),
    ]
    return page(
        f"Overlap: {found['questions_name']} on {found['table']}",
        joined([_header(found), _tiles(found)]),
        [section for section in sections if section is not None],
        _footer(found, version, made),
        scripts=["questions.js"],
        data=[questions_data(found)],
        links=links,
    )


def _header(found: Values) -> Markup:
    topics = f" on {count(found['topics'])} topics" if found.get("topics") else ""
    some = "question" if found["questions"] == 1 else "questions"
    return joined(
        [
            tag("p", "Overlap report", class_="kind"),
            tag("h1", given(found["verdict"])),
            tag(
                "p",
                f"{count(found['questions'])} {some}{topics} (",
                given(found["questions_name"]),
                f"), held against {count(found['articles'])} {found.get('by', 'article')}s of table ",
                given(found["table"]),
                ".",
                class_="quiet",
            ),
        ]
    )


def _tiles(found: Values) -> Markup:
    space, k = found["space"], found["k"]
    told: list[tuple[object, str, object]] = []
    best = found["maps"][0] if found["maps"] else None
    if best is not None:
        placed = best["search"]
        told += [
            (
                joined([f"overlap@{k} on map ", given(best["name"])]),
                share(mean_of(placed["overlap"])),
                f"interval {ends(placed['overlap'])}",
            ),
            (
                f"keep at least {enough_of(k)}",
                share(mean_of(placed["enough"])),
                f"of the questions; {share(placed['none'])} keep none",
            ),
            (
                "the articles' own self-recall",
                share(mean_of(best["self_recall"])),
                "what the map keeps of their neighbors",
            ),
            ("snapping onto the nearest article", share(found["snap_floor"]), f"chance is {share(found['chance'])}"),
        ]
    else:
        told += [
            (
                "median distance to the nearest article",
                distance(space["nearest_dist"]),
                f"articles to each other: {distance(space['articles_nearest_dist'])}",
            ),
            ("different targets", share(space["distinct_ratio"]), "100% when the questions share none"),
        ]
    told.append(
        (
            "percentile of the nearest distance",
            count(space.get("nearest_percentile")),
            "among the articles' own; above 95 is far",
        )
    )
    answers = space.get("answers")
    if answers:
        there = ((best or {}).get("search") or {}).get("answers")
        told.append(
            (
                f"right articles among the {k} nearest",
                share(answers["recall"]),
                f"on the map {share(there['recall'])}" if there else f"MRR {figure(answers['mrr'])}",
            )
        )
    tiles = [
        tag(
            "div",
            tag("dt", tag("span", name)),
            tag("dd", value, class_="big"),
            tag("dd", note, class_="small"),
            class_="first" if i == 0 else None,
        )
        for i, (name, value, note) in enumerate(told)
    ]
    return tag("dl", *tiles, class_="tiles")


def _footer(found: Values, version: str, made: str | None) -> Markup:
    told: list[tuple[str, object]] = [
        ("Table", given(found["table"])),
        ("Model", given(found["model"])),
        ("Questions", given(found["questions_name"])),
        ("k, seed, box padding", f"{found['k']}, {found['seed']}, {figure(found['padding'])}"),
        ("Articles sampled", count(found["space"].get("sample"))),
    ]
    told += [(f"Map {one['name']}", given(_made_by(one["about"]))) for one in found["maps"]]
    told += [("Made", made)] if made else []
    told.append(("Made by", f"vecindex {version}"))
    entries = [joined([tag("dt", name), tag("dd", value)]) for name, value in told]
    return joined([tag("h2", "Provenance", class_="hidden"), tag("dl", *entries)])


def _made_by(about: Values) -> str:
    """Return by what, with which settings and when a map was made; of another tool's map, what that tells.

    >>> _made_by({"method": "umap", "seed": 3, "settings": {"min_dist": 0.1}, "made_at": "2026-01-02T03:04:05Z"})
    'umap, seed 3; min_dist 0.1; 2026-01-02 03:04 UTC'
    """
    if not isinstance(about.get("method"), str):
        return json.dumps(about, ensure_ascii=False, sort_keys=True)
    method = about["method"] if about.get("seed") is None else f"{about['method']}, seed {about['seed']}"
    settings = [
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in (about.get("settings") or {}).items()
    ]
    made_at = str(about.get("made_at") or "")[:16].replace("T", " ")
    return "; ".join(part for part in (method, ", ".join(settings), made_at and f"{made_at} UTC") if part)
