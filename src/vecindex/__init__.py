"""Incremental vector index for text corpora on LanceDB, with maps whose neighborhood loss is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vecindex.config import VERSION as __version__

if TYPE_CHECKING:
    from vecindex.errors import VecindexError
    from vecindex.index import Index, open
    from vecindex.verbs.ingest.run import Stop

__all__ = ["Index", "Stop", "VecindexError", "__version__", "open"]

_HOMES = {
    "Index": "vecindex.index",
    "Stop": "vecindex.verbs.ingest.run",
    "VecindexError": "vecindex.errors",
    "open": "vecindex.index",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import vecindex` costs nothing."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, which completion shows."""
    return list(__all__)
