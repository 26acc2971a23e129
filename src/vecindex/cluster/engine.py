"""What a user names to compute elsewhere: an engine, and where it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vecindex.errors import ConfigError
from vecindex.messages import option, text

RAY = "ray"
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Engine:
    """What computes: Ray on this machine, or the cluster at an address."""

    address: str | None = None


@dataclass(frozen=True, slots=True)
class Workers:
    """The engine that a user has named, and the cores of each of its workers; None as the cluster has them."""

    engine: Engine
    cores: int | None = None


def engine_of(value: str | None) -> Engine | None:
    """Return what an option names, None for this process.

    >>> engine_of("ray:10.0.0.1:6379")
    Engine(address='10.0.0.1:6379')

    Raises ConfigError for a name that is none.
    """
    if value is None:
        return None
    name, _, address = value.partition(":")
    if name != RAY or (":" in value and not address):
        raise ConfigError(
            f"There is no engine {value!r}.",
            text("Those that there are: ", option("engine", RAY), " and ", option("engine", "ray:ADDRESS"), "."),
        )
    if address.startswith("//"):
        raise ConfigError(
            text(option("engine", value), " is an address of Ray's client, which does not work here."),
            text("Run the command on a machine of the cluster: ", option("engine", f"{RAY}:{AUTO}")),
        )
    if address and address != AUTO and not re.fullmatch(r"\S+:\d+", address):
        raise ConfigError(
            text("The address of a Ray cluster is HOST:PORT, or auto on one of its machines; found ", repr(address)),
            text("For example ", option("engine", "ray:10.0.0.1:6379")),
        )
    return Engine(address or None)


def checked_engine(options: Mapping[str, Any], *needing: str) -> Engine | None:
    """Return the engine that options name, None for this process.

    Raises ConfigError for one that is none, and where options that need an engine are given without one.
    """
    engine = engine_of(options["engine"])
    for name in needing:
        if options[name] is not None and engine is None:
            raise ConfigError(
                text(option(name), " has no effect without ", option("engine"), "."),
                text("Add ", option("engine", RAY), "."),
            )
    return engine


def workers_of(options: Mapping[str, Any]) -> Workers | None:
    """Return the workers that options name, None for this process; raises what `checked_engine` does."""
    engine = checked_engine(options, "worker_cores")
    return None if engine is None else Workers(engine, options["worker_cores"])
