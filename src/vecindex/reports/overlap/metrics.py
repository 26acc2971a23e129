"""The metrics without figures of their own on the page: those of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vecindex.reports.figures import ends, figure, mean_of
from vecindex.reports.markup import given, joined, tag
from vecindex.reports.overlap.maps import RULES
from vecindex.reports.page import Section
from vecindex.reports.tables import Column, table

Values = Mapping[str, Any]


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
