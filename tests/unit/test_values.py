"""Dataclasses are values: they do not change after they were made, and a misspelled attribute is an error."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from functools import cached_property

import pytest

import vecindex

# What a run keeps up to date while it goes on.
CHANGES = {
    "Changes",
    "Done",
    "Examination",
    "Focus",
    "IngestReport",
    "Known",
    "Piece",
    "Planned",
    "Planner",
    "Ready",
    "Sample",
    "Seconds",
    "Speeds",
    "Transaction",
    "_Names",
    "_Page",
    "_Part",
    "_Reading",
    "_Run",
    "_Unit",
    "_Watcher",
    "_Wave",
}
ROOMS = ("core", "sources", "store", "verbs")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(vecindex.__path__, "vecindex.")
    if module.name.split(".")[1] in ROOMS and not module.ispkg
)


@pytest.mark.parametrize("module", MODULES)
def test_dataclasses_are_frozen_and_have_slots(module: str) -> None:
    for name, kind in vars(importlib.import_module(module)).items():
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module:
            frozen = kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
            assert frozen or name in CHANGES, name
            cached = any(isinstance(value, cached_property) for value in vars(kind).values())
            assert cached or "__slots__" in vars(kind), name
