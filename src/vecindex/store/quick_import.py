"""LanceDB without a client that it never uses here."""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec, module_from_spec
from typing import Any

# LanceDB takes a few plain types from the client of a remote catalogue. Its package makes all of the client when it
# is imported, which takes two thirds of the time that LanceDB needs.
_CLIENT = "lance_namespace_urllib3_client"


def import_lancedb() -> Any:
    """Return LanceDB, imported without the client unless somebody has imported or asks for it."""
    if "lancedb" not in sys.modules:
        _postpone(_CLIENT)
    import lancedb

    return lancedb


def _postpone(package: str) -> None:
    """Let the modules of a package be imported without the package itself, which is made when it is first asked.

    Nothing is done for a package that is there already or that cannot be found.
    """
    if package in sys.modules:
        return
    spec = find_spec(package)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    loader = spec.loader

    lock, begun = threading.RLock(), False

    def ask(name: str) -> Any:
        nonlocal begun
        if name.startswith("__"):
            raise AttributeError(name)
        # Whoever asks meanwhile waits until all of it is there.
        with lock:
            if not begun:
                begun = True
                loader.exec_module(module)
            if name in module.__dict__:
                return module.__dict__[name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    module.__dict__["__getattr__"] = ask
    sys.modules[package] = module
