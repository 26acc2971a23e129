"""What is kept with a map, and whether it should be rebuilt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from vecindex.core.map_settings import DEFAULT_METHOD, METHODS

FORMAT = 1
DUE_SHARE = 0.1
"""A rebuild is due when more than this share of the rows is not on the map, or was placed on it later."""
DUE_LOSS = 0.03
"""Or when the recall@5 of the rows placed last is lower than the old ones' by more than this, and surely lower."""
_LIBRARIES = ("vecindex", "numpy", "faiss-cpu", "numba", "scipy", "umap-learn", "openTSNE")


def library_versions() -> dict[str, str]:
    """Return the versions of what makes a map, as far as it is installed."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def new_identity() -> dict[str, Any]:
    """Return what tells one state of a map from every other one, and when it was made."""
    return {"id": uuid.uuid4().hex, "made_at": datetime.now(UTC).isoformat()}


def why_due(about: Any, rows: int, outside: int) -> str | None:
    """Return why a map should be rebuilt; None while there is no need.

    Parameters
    ----------
    about : what is kept with it.
    rows, outside : of the table, and of these not on the map. A focus map leaves rows out on purpose, so these say
        nothing of it.

    >>> why_due({"placed": [{"articles": 8}]}, 100, 4)
    '12 % of the rows are not on it, or were placed on it later'
    >>> why_due({"placed": []}, 100, 4)
    """
    if not isinstance(about, Mapping) or about.get("focus") is not None or not rows:
        return None
    placed = [p for p in about.get("placed") or [] if isinstance(p, Mapping)]
    share = (outside + sum(int(p.get("articles", 0)) for p in placed)) / rows
    if share > DUE_SHARE:
        return f"{share * 100:.0f} % of the rows are not on it, or were placed on it later"
    if placed:
        new, old = (_at_5(placed[-1].get(key)) for key in ("recall", "old_recall"))
        # The interval must speak for it as well: a few rows may be unlucky.
        if new and old and old["mean"] - new["mean"] > DUE_LOSS + 1e-9 and new["high"] < old["mean"]:
            return f"the rows placed last keep {new['mean']:.1%} of their 5 nearest, the old ones {old['mean']:.1%}"
    return None


def rebuilt_by(name: str, about: Any) -> str:
    """Return the command that makes a map anew.

    >>> rebuilt_by("map", {})
    'vecindex project map'
    >>> rebuilt_by("t", {"method": "tsne", "settings": {"perplexity": 50.0, "dof": 1.0}})
    'vecindex project t --method tsne --set perplexity=50.0'
    >>> rebuilt_by("a", {"anchored": True, "anchors": {"base": "m", "files": [{"name": "q.txt"}]}})
    'vecindex project a --anchor --from m --questions q.txt'
    """
    command = f"vecindex project {name}"
    if not isinstance(about, Mapping):
        return command
    if not about.get("anchored"):
        return command + _made_as(about.get("method"), about.get("settings"))
    anchors = about.get("anchors")
    if not isinstance(anchors, Mapping):
        return f"{command} --anchor --questions FILE"
    files = [f" --questions {file['name']}" for file in anchors.get("files") or []]
    return f"{command} --anchor --from {anchors.get('base')}{''.join(files)}"


def _made_as(method: Any, settings: Any) -> str:
    """Return the options that name a method and its settings, where they are not what is taken without them."""
    if method not in METHODS:
        return ""
    options = "" if method == DEFAULT_METHOD else f" --method {method}"
    known, told = METHODS[method].settings, settings if isinstance(settings, Mapping) else {}
    changed = [f" --set {key}={value}" for key, value in told.items() if key in known and value != known[key].default]
    return options + "".join(changed)


def _at_5(recall: Any) -> Mapping[str, float] | None:
    found = recall.get("5") if isinstance(recall, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return found if all(isinstance(found.get(key), int | float) for key in ("mean", "high")) else None
