"""The methods that make a map, the settings that each one has, and what these may be.

A new method is one module with a `MapMethod` and one line in `METHODS`; another package lists its own in the entry
point group `vecindex.map_methods` (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from vecindex.errors import ConfigError, MissingExtraError
from vecindex.messages import join, option, text
from vecindex.plugins import Registry

if TYPE_CHECKING:
    from vecindex.core.graph import Graph
    from vecindex.core.neighbors import F64
    from vecindex.core.vectors import F32
    from vecindex.types import Observer

DEFAULT_METHOD = "local"
DEFAULT_STRENGTH = "strong"
"""Of anchoring, see `maps.anchored`."""

Value = int | float | str
Settings = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its default (whose type it has), its bounds, or the words that it may be, and what it does."""

    default: Value
    meaning: str
    low: float = 0.0
    high: float = float("inf")
    words: tuple[str, ...] = ()


class Layout(Protocol):
    """What lays n articles out on a plane."""

    def __call__(
        self, vectors: F32, graph: Graph, *, settings: Settings, init: F32 | None, seed: int, observer: Observer
    ) -> F64:
        """Return the positions (n, 2) float64 of the articles, finite, in any unit.

        Parameters
        ----------
        vectors : (n, d) float32, of unit length.
        graph : the nearest others of each article; at least `MapMethod.neighbors` of them where there are so many,
            and none (k = 0) for a method that uses none. A list may be shorter than the others, see `Graph`.
        settings : all of the method, each of the type of its default.
        init : (n, 2) float32, the positions on the map that is rebuilt, which a new layout should begin from; new
            articles lie at the median of their neighbors. None for a map that is made from nothing.
        seed : from 0 to 2^31 - 1. The same input, seed, versions and machine must give the same map, bit for bit.
        observer : takes the progress, as a `Stage`. It raises KeyboardInterrupt to stop the layout.

        Raises ConfigError for settings that do not work together.
        """
        ...


@dataclass(frozen=True, slots=True)
class MapMethod:
    """A method, under the name by which it is registered.

    Attributes
    ----------
    meaning : what it is, in a few words.
    layout : see `Layout`.
    settings : what a user may set, by name.
    neighbors : how many neighbors of each article it looks at, at most, from its settings; None for a method that
        uses no neighbor graph.
    requires, install : an optional module that must be importable, and the command that installs it.
    """

    meaning: str
    layout: Layout
    settings: Mapping[str, Setting] = field(default_factory=dict)
    neighbors: Callable[[Settings], int] | None = None
    requires: str | None = None
    install: str | None = None


METHODS = Registry(
    "map method",
    "vecindex.map_methods",
    MapMethod,
    {
        "local": "vecindex.maps.local:METHOD",
        "umap": "vecindex.maps.umap:METHOD",
        "tsne": "vecindex.maps.tsne:METHOD",
        "pca": "vecindex.maps.pca:METHOD",
    },
)


def usable_method(name: str) -> MapMethod:
    """Return a method whose packages are installed.

    Raises UnknownNameError, PluginError, or MissingExtraError with the command that installs what is missing.
    """
    found = METHODS[name]
    if found.requires is not None and find_spec(found.requires) is None:
        raise MissingExtraError(
            f"Method {name} needs the package {found.requires}, which is not installed.",
            text(found.install or f"Install {found.requires}", ", or give another ", option("method"), "."),
        )
    return found


def settings_for(method: str, given: Settings) -> dict[str, Value]:
    """Return all settings of a method: those given, checked, and the defaults of the others.

    Values may be texts, as a command line gives them. Raises ConfigError naming what there is.

    >>> settings_for("umap", {"min_dist": "0.3"})["min_dist"], settings_for("pca", {})
    (0.3, {})
    """
    known = METHODS[method].settings
    for name in given:
        if name not in known:
            others = [text(option("method", m)) for m in METHODS.built_in if name in METHODS[m].settings]
            raise ConfigError(
                f"Method {method} has no setting {name!r}.",
                text(
                    f"It has: {', '.join(known)}." if known else "It has none at all.",
                    *((" Another method has it: ", join(" or ", others), ".") if others else ()),
                ),
            )
    return checked_settings(f"method {method}", known, given)


def checked_settings(owner: str, known: Mapping[str, Setting], given: Settings) -> dict[str, Value]:
    """Return a value for each known setting, of the type of its default; None stands for the default.

    Raises ConfigError naming the setting and its owner.
    """
    return {name: _checked(f"{name} of {owner}", setting, given.get(name)) for name, setting in known.items()}


def _checked(what: str, setting: Setting, given: Any) -> Value:
    if given is None:
        return setting.default
    kind = type(setting.default)
    try:
        value: Value = kind(given)
        exact = kind is not int or float(given) == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise ConfigError(f"{what} is a {_KINDS[kind]}, found {given!r}.")
    if setting.words and value not in setting.words:
        raise ConfigError(f"{what} is one of {', '.join(setting.words)}, found {given!r}.")
    if not isinstance(value, str) and not setting.low <= value <= setting.high:
        raise ConfigError(f"{what} must be at least {setting.low:g}, found {given!r}.")
    if isinstance(value, float) and value == float("inf"):
        raise ConfigError(f"{what} must be finite, found {given!r}.")
    return value


_KINDS: dict[type, str] = {int: "whole number", float: "number", str: "word"}
