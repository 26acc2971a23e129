"""The methods that make a map, the settings that each one has, and what these may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vecindex.errors import ConfigError

DEFAULT_METHOD = "local"

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its default (whose type it has), its bounds, or the words that it may be, and what it does."""

    default: Value
    meaning: str
    low: float = 0.0
    high: float = float("inf")
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """A method: what it is, its settings, and whether it lays out the neighbor graph and begins from an old map."""

    meaning: str
    settings: Mapping[str, Setting]
    uses_graph: bool = True


_NEIGHBORS = "neighbors of each article that pull at it"

METHODS: Mapping[str, Method] = {
    "local": Method(
        "t-SNE for the whole, then a finish for the nearest neighbors",
        {
            "neighbors": Setting(15, _NEIGHBORS, 1),
            "early_iterations": Setting(250, "iterations while the clusters form"),
            "early_exaggeration": Setting(12.0, "pull in these"),
            "iterations": Setting(500, "iterations after them"),
            "exaggeration": Setting(1.0, "pull in these"),
            "finish_neighbors": Setting(15, "neighbors that pull in the finish, the nearest third most", 1),
            "finish_iterations": Setting(300, "iterations of the finish"),
            "finish_exaggeration": Setting(
                0.0, "pull in the finish; below 1 repels more; 0 chooses by the number of articles"
            ),
        },
    ),
    "umap": Method(
        "UMAP, by umap-learn at its defaults",
        {
            "neighbors": Setting(15, "n_neighbors, the article itself included", 2),
            "min_dist": Setting(0.1, "how close two articles may lie"),
            "spread": Setting(1.0, "scale of the layout", 1e-6),
            "epochs": Setting(0, "n_epochs; 0 leaves it to umap-learn"),
            "negative_sample_rate": Setting(5, "articles repelled for each neighbor that pulls"),
            "repulsion_strength": Setting(1.0, "weight of the repulsion"),
            "init": Setting("spectral", "where the articles begin", words=("spectral", "pca", "random")),
        },
    ),
    "tsne": Method(
        "t-SNE, by openTSNE at its defaults",
        {
            "perplexity": Setting(30.0, "about how many neighbors pull; three times as many are used", 1),
            "early_iterations": Setting(250, "early_exaggeration_iter"),
            "early_exaggeration": Setting(12.0, "pull in these"),
            "iterations": Setting(500, "n_iter, after the early ones"),
            "exaggeration": Setting(1.0, "pull in these"),
            "dof": Setting(1.0, "degrees of freedom of the kernel", 1e-3),
        },
    ),
    "pca": Method("the two directions of largest variance", {}, uses_graph=False),
}


def settings_for(method: str, given: Mapping[str, Any]) -> dict[str, Value]:
    """Return all settings of a method: those given, checked, and the defaults of the others.

    Values may be texts, as a command line gives them. Raises ConfigError naming what there is.

    >>> settings_for("umap", {"min_dist": "0.3"})["min_dist"], settings_for("pca", {})
    (0.3, {})
    """
    if method not in METHODS:
        raise ConfigError(f"No method {method!r} makes a map.", f"Methods: {', '.join(METHODS)}.")
    known = METHODS[method].settings
    for name in given:
        if name not in known:
            there = f"It has: {', '.join(known)}." if known else "It has none at all."
            elsewhere = [other for other, about in METHODS.items() if name in about.settings]
            also = f" Another method has it: --method {' or '.join(elsewhere)}." if elsewhere else ""
            raise ConfigError(f"Method {method} has no setting {name!r}.", there + also)
    return {name: _checked(method, name, setting, given.get(name)) for name, setting in known.items()}


def graph_k(method: str, settings: Mapping[str, Value]) -> int:
    """Return how many neighbors of each article a method looks at, at most.

    >>> graph_k("tsne", {"perplexity": 30.0}), graph_k("umap", {"neighbors": 15}), graph_k("pca", {})
    (90, 14, 0)
    """
    if method == "tsne":
        return int(3 * float(settings["perplexity"]))
    if method == "umap":
        return int(settings["neighbors"]) - 1
    if method == "local":
        return max(int(settings["neighbors"]), int(settings["finish_neighbors"]))
    return 0


def _checked(method: str, name: str, setting: Setting, given: Any) -> Value:
    if given is None:
        return setting.default
    kind = type(setting.default)
    try:
        value: Value = kind(given)
        exact = kind is not int or float(given) == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise ConfigError(f"{name} of method {method} is a {_KINDS[kind]}, found {given!r}.")
    if setting.words and value not in setting.words:
        raise ConfigError(f"{name} of method {method} is one of {', '.join(setting.words)}, found {given!r}.")
    if not isinstance(value, str) and not setting.low <= value <= setting.high:
        raise ConfigError(f"{name} of method {method} must be at least {setting.low:g}, found {given!r}.")
    if isinstance(value, float) and value == float("inf"):
        raise ConfigError(f"{name} of method {method} must be finite, found {given!r}.")
    return value


_KINDS: dict[type, str] = {int: "whole number", float: "number", str: "word"}
