"""The result of `overlap` as a page.

It is made from the plain values of `OverlapResult.to_dict()`, which the command line prints too. What is missing or
null in them is left out or shown as a dash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vecindex.reports.overlap.corpus import corpus_section
from vecindex.reports.overlap.curves import curves_section, spread_section
from vecindex.reports.overlap.facts import geometry_section, metrics_section, skipped_section, space_section
from vecindex.reports.overlap.maps import enough_of, maps_section, the_map
from vecindex.reports.overlap.questions import questions_data, questions_section
from vecindex.reports.page import Section, page, rendered

Values = Mapping[str, Any]
_OUTCOMES = {"supports": "plays a part", "refutes": "ruled out"}


def overlap_page(
    found: Values, *, version: str, made: str | None = None, links: Sequence[tuple[str, str]] = ()
) -> str:
    """Return the page of a result; the same values give the same page.

    Parameters
    ----------
    found : `OverlapResult.to_dict()`, or what the command line printed of it.
    version : of vecindex, for the page's footer.
    made : when, as the footer shows it; None leaves it out.
    links : (name, href) of other pages.
    """
    figures = [
        _figures_section(found),
        _causes_section(found),
        maps_section(found),
        _experiments_section(found),
        spread_section(found),
        curves_section(found),
        corpus_section(found),
        space_section(found),
        geometry_section(found),
        metrics_section(found),
        skipped_section(found),
    ]
    folded = [replace(section, folded=True) for section in figures if section is not None]
    return page(
        "overlap.html",
        script="overlap",
        sections=[questions_section(found), *folded],
        data=[questions_data(found)],
        links=links,
        found=found,
        answer=found.get("answer"),
        space=found["space"],
        origins=[(one["name"], origin(one["about"])) for one in found["maps"]],
        made=made,
        version=version,
    )


def _figures_section(found: Values) -> Section:
    """Return the main figures."""
    best = found["maps"][0] if found["maps"] else None
    body = rendered(
        "tiles.html",
        found=found,
        space=found["space"],
        best=best,
        best_map=None if best is None else the_map(found, best["name"]),
        enough=enough_of(found["k"]),
    )
    return Section("figures", "Figures", body)


def _causes_section(found: Values) -> Section:
    """Return the causes of the map, and those of the other maps behind a click."""
    maps = [(the_map(found, one["name"]), one["causes"]) for one in found["maps"]]
    body = rendered("causes.html", causes=found["causes"], maps=maps, ranked=found.get("ranked"))
    return Section("causes", "Causes", body)


def _experiments_section(found: Values) -> Section | None:
    """Return the experiments that were run; None without any."""
    experiments = found.get("experiments")
    if not experiments:
        return None
    body = rendered("experiments.html", experiments=experiments, outcomes=_OUTCOMES)
    return Section("experiments", "Experiments", body)


def origin(about: Values) -> str:
    """Return a map's method, settings and time; of another tool's map, whatever is known.

    >>> origin({"method": "umap", "seed": 3, "settings": {"min_dist": 0.1}, "made_at": "2026-01-02T03:04:05Z"})
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
