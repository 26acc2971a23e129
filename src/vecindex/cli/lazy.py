"""The commands by name, each imported when it is asked for: one that runs need not wait for the others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import typer
import typer.core

MODULES = {
    "explore": "explore",
    "ingest": "ingest",
    "search": "search",
    "project": "project",
    "map": "map",
    "overlap": "overlap",
    "evaluate": "evaluate",
    "compare": "compare",
    "bench-models": "bench_models",
    "export": "export",
    "serve": "serve",
    "mcp": "mcp",
    "reembed": "tables",
    "adopt": "tables",
    "index": "upkeep",
    "status": "upkeep",
    "delete": "upkeep",
    "annotate": "upkeep",
    "optimize": "upkeep",
    "tag": "upkeep",
    "doctor": "upkeep",
}
"""The module in `commands` of each command, whose function has the command's name; help keeps this order."""


class Commands(Mapping[str, Any]):
    """The parsers of the commands, made at their first use."""

    def __init__(self) -> None:
        """Make none."""
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return a command; raises KeyError where there is none of this name."""
        if name not in self._made:
            module = importlib.import_module(f"vecindex.cli.commands.{MODULES[name]}")
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name, cls=Command)(getattr(module, name.replace("-", "_")))
            self._made[name] = typer.main.get_command(alone)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(MODULES)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(MODULES)


class Command(typer.core.TyperCommand):
    """A command of vecindex."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return its parameters, and that of its help."""
        return checked_on_demand(super().get_params(ctx))


def checked_on_demand(parameters: list[Any]) -> list[Any]:
    """Return parameters that take values which are of their kind already, as texts are, without pydantic's check.

    Typer makes a check for each parameter of a command, given or not. To import pydantic for them takes a tenth of
    the time of a search. Versions of typer without such checks are left as they are.
    """
    for parameter in parameters:
        make = getattr(parameter, "get_runtime_param", None)
        if make is not None and not isinstance(make, _OnDemand):
            parameter.get_runtime_param = _OnDemand(parameter)
    return parameters


class _OnDemand:
    """Stands for typer's check of a parameter's values, which is made for the first value that needs it."""

    def __init__(self, parameter: Any) -> None:
        self._make = parameter.get_runtime_param
        self._kind = parameter.type_descriptor.annotation
        self._none = () if parameter.multiple or parameter.nargs == -1 else None

    def __call__(self) -> Any:
        return self

    def coerce(self, value: Any, **about: Any) -> Any:
        """Return the value as the command gets it."""
        if value is None:
            return self._none
        if self._kind in (str, int, float) and type(value) is self._kind:
            return value
        return self._make().coerce(value, **about)
