"""What is stored with a map: its scores, how it was made, and whether it should be rebuilt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from vecindex.core.picture import MapScore
from vecindex.maps.methods import DEFAULT_METHOD, DEFAULT_STRENGTH, METHODS
from vecindex.messages import Command, Placeholder, command, percent

FORMAT = 1
IMPORTED = "imported"
"""What is stored as the method of a map made elsewhere; no method of layout has this name."""
DUE_SHARE = 0.1
"""A rebuild is due when more than this share of the rows is not on the map, or was placed on it later."""
DUE_LOSS = 0.03
"""Or when the recall@5 of the rows placed last is lower than the old ones' by more than this, and surely lower."""
_LIBRARIES = ("vecindex", "numpy", "faiss-cpu", "numba", "scipy", "umap-learn", "openTSNE")


def library_versions() -> dict[str, str]:
    """Return the versions of what makes a map, as far as it is installed."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def new_identity() -> dict[str, Any]:
    """Return what distinguishes one state of a map from every other one, and when it was made."""
    return {"id": uuid.uuid4().hex, "made_at": datetime.now(UTC).isoformat()}


def why_due(about: Any, rows: int, outside: int) -> str | None:
    """Return why a map should be rebuilt; None while there is no need.

    Parameters
    ----------
    about : what is stored with it.
    rows, outside : of the table, and of these not on the map. A focus map leaves rows out on purpose, so it is never
        due for them.

    >>> why_due({"placed": [{"articles": 8}]}, 100, 4)
    '12 % of the rows are not on it, or were placed on it later'
    >>> why_due({"placed": []}, 100, 4)
    """
    if not isinstance(about, Mapping) or about.get("focus") is not None or not rows:
        return None
    placed = [p for p in about.get("placed") or [] if isinstance(p, Mapping)]
    share = (outside + sum(int(p.get("articles", 0)) for p in placed)) / rows
    if share > DUE_SHARE:
        return f"{percent(share)} of the rows are not on it, or were placed on it later"
    if placed:
        new, old = (_at_5(placed[-1].get(key)) for key in ("recall", "old_recall"))
        # The interval must speak for it as well: a few rows may be unlucky.
        if new and old and old["mean"] - new["mean"] > DUE_LOSS + 1e-9 and new["high"] < old["mean"]:
            shares = percent(new["mean"], 1), percent(old["mean"], 1)
            return f"the rows placed last keep {shares[0]} of their 5 nearest, the old ones {shares[1]}"
    return None


def rebuilt_by(name: str, about: Any) -> Command:
    """Return the command that makes a map again.

    >>> from vecindex.messages import text
    >>> print(text(rebuilt_by("map", {})))
    index.project('map')
    >>> print(text(rebuilt_by("t", {"method": "tsne", "settings": {"perplexity": 50.0, "dof": 1.0}})))
    index.project('t', method='tsne', settings={'perplexity': 50.0})
    >>> print(text(rebuilt_by("m", {"method": "local", "sampled": {"laid_out": 60_000}})))
    index.project('m', layout_rows=60000)
    >>> print(text(rebuilt_by("a", {"anchored": True, "anchors": {"base": "m", "files": [{"name": "q.txt"}]}})))
    index.project('a', anchor=True, base='m', questions=['q.txt'])
    """
    if not isinstance(about, Mapping):
        return command("project", name)
    if isinstance(source := about.get("imported"), Mapping):
        file = {} if source.get("from_table") else {"positions": source.get("file") or Placeholder("FILE")}
        return command("project", name, **file, columns=",".join(source.get("columns") or ()))
    if not about.get("anchored"):
        size = _mapping(about.get("sampled")).get("laid_out")
        return command("project", name, **_made_as(about.get("method"), about.get("settings")), layout_rows=size)
    anchors = about.get("anchors")
    if not isinstance(anchors, Mapping):
        return command("project", name, anchor=True, questions=Placeholder("FILE"))
    files = [str(file["name"]) for file in anchors.get("files") or []]
    strength = anchors.get("strength")
    options = {} if strength in (None, DEFAULT_STRENGTH) else {"strength": strength}
    return command("project", name, anchor=True, base=anchors.get("base"), questions=files, **options)


def _made_as(method: Any, settings: Any) -> dict[str, Any]:
    """Return the options that name a method and its settings, where they differ from the defaults."""
    if not isinstance(method, str) or method not in METHODS:
        return {}
    known, given = METHODS[method].settings, settings if isinstance(settings, Mapping) else {}
    changed = {key: value for key, value in given.items() if key in known and value != known[key].default}
    return {"method": None if method == DEFAULT_METHOD else method, "settings": changed or None}


def _at_5(recall: Any) -> Mapping[str, float] | None:
    found = recall.get("5") if isinstance(recall, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    return found if all(isinstance(found.get(key), int | float) for key in ("mean", "high")) else None


def stored_scores(about: Mapping[str, Any]) -> tuple[MapScore, ...]:
    """Return the scores that are stored with a map: its recall under each k; of an anchored one, overlap as well.

    The overlap of the questions that it is anchored to holds because the map was laid out for them; that of held-out
    ones is what to expect for other questions.
    """
    found = []
    recall = _mapping(_mapping(about.get("scores")).get("recall"))
    for k in sorted((k for k in recall if str(k).isdigit()), key=int):
        found += _score(f"recall@{k}", recall[k])
    anchors = _mapping(about.get("anchors"))
    k = anchors.get("k", 5)
    for key, name in (
        ("anchored", f"overlap@{k} of its own questions"),
        ("held_out", f"overlap@{k} of held-out ones"),
    ):
        found += _score(name, _mapping(anchors.get(key)).get("overlap"))
    return tuple(found)


def _score(name: str, stored: Any) -> list[MapScore]:
    mean = _number(_mapping(stored).get("mean"))
    return [] if mean is None else [MapScore(name, mean, _number(stored.get("low")), _number(stored.get("high")))]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
