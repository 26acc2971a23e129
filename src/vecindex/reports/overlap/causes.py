"""Why neighbors are lost: the causes with figures, confidence, proof and remedy, and the experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vecindex.reports.overlap.maps import the_map
from vecindex.reports.page import Section, rendered

Values = Mapping[str, Any]
_OUTCOMES = {"supports": "plays a part", "refutes": "ruled out"}


def causes_section(found: Values) -> Section:
    """Return the causes of the best map, and those of the other maps behind a click."""
    maps = [(the_map(found, one["name"]), one["causes"]) for one in found["maps"]]
    return Section("causes", "Causes", rendered("causes.html", causes=found["causes"], maps=maps))


def experiments_section(found: Values) -> Section | None:
    """Return the experiments that were run; None without any."""
    experiments = found.get("experiments")
    if not experiments:
        return None
    body = rendered("experiments.html", experiments=experiments, outcomes=_OUTCOMES)
    return Section("experiments", "Experiments", body)
