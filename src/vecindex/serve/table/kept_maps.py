"""Pictures of maps in the user's cache, so that a server that is started again shows them at once."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vecindex.config import VERSION
from vecindex.core.picture import Extent
from vecindex.errors import ConfigError
from vecindex.files import write_whole

_LOG = logging.getLogger(__name__)
# What a picture comes out of, as long as a version of vecindex is in the making.
_MADE_BY = ("core/picture.py", "core/texts/**/*.py", "reports/map/*.py", "verbs/picture/**/*.py")
_MAGIC = b"vecindex map 1\n"
_DIGEST_BYTES = 16
_LENGTH_BYTES = 8
_FILES, _BYTES = 16, 1 << 30


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as it is sent: its header, its compressed sections and its extent."""

    header: Mapping[str, object]
    sections: Mapping[str, bytes]
    extent: Extent


def name_of(**what: Any) -> str:
    """Return the name under which a picture is kept: of all that it depends on, and of this version of vecindex."""
    known = json.dumps([VERSION, _code(), what], sort_keys=True, default=str)
    return hashlib.blake2b(known.encode(), digest_size=_DIGEST_BYTES).hexdigest()


@cache
def _code() -> str:
    """Return a digest of the modules that make a picture."""
    ours = Path(__file__).parents[2]
    files = sorted(path for pattern in _MADE_BY for path in ours.glob(pattern))
    return hashlib.blake2b(b"".join(path.read_bytes() for path in files)).hexdigest()


class KeptMaps:
    """The pictures in a folder, of which those used last are kept: 16 at most, and 1 GiB.

    They hold titles and beginnings of texts, so nobody else may read the folder.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder, which need not be there."""
        self._folder = folder

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.map"

    def get(self, name: str) -> Drawn | None:
        """Return a picture; None where it is not there. A damaged one is removed, with a line in the log."""
        path = self._path(name)
        try:
            whole = path.read_bytes()
        except OSError:
            return None
        try:
            found = _unpacked(whole)
        except (ValueError, KeyError, TypeError) as error:
            _LOG.warning("the picture of a map in %s is damaged (%s) and is drawn again", path, error)
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def put(self, name: str, drawn: Drawn) -> None:
        """Keep a picture, and drop those that were not used for longest; where that is not possible, nothing."""
        packed = _packed(drawn)
        if len(packed) > _BYTES:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._path(name), packed)
            self._drop()
        except (OSError, ConfigError) as error:
            _LOG.info("the picture of a map is not kept: %s", error)

    def _drop(self) -> None:
        there = [(path.stat().st_mtime_ns, path.stat().st_size, path) for path in self._folder.glob("*.map")]
        there.sort(reverse=True)
        taken = 0
        for number, (_, size, path) in enumerate(there):
            taken += size
            if number and (number >= _FILES or taken > _BYTES):
                with suppress(OSError):
                    path.unlink()


def _packed(drawn: Drawn) -> bytes:
    about = {
        "header": drawn.header,
        "extent": asdict(drawn.extent),
        "sections": {key: len(data) for key, data in drawn.sections.items()},
    }
    index = json.dumps(about).encode()
    body = b"".join([len(index).to_bytes(_LENGTH_BYTES, "little"), index, *drawn.sections.values()])
    return _MAGIC + hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() + body


def _unpacked(whole: bytes) -> Drawn:
    start = len(_MAGIC) + _DIGEST_BYTES
    body = whole[start:]
    if whole[: len(_MAGIC)] != _MAGIC:
        raise ValueError("another kind of file")
    if hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != whole[len(_MAGIC) : start]:
        raise ValueError("its digest is another one")
    at = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    about = json.loads(body[_LENGTH_BYTES:at])
    sections = {}
    for key, size in about["sections"].items():
        sections[key] = body[at : at + size]
        at += size
    return Drawn(about["header"], sections, Extent(**about["extent"]))
