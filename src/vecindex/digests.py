"""The SHA-256 of a model's weights, kept in the user's cache while the disk says that the file is the same."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from vecindex.errors import ConfigError
from vecindex.files import write_whole

log = logging.getLogger(__name__)

_SHA256 = re.compile(r"[0-9a-f]{64}")
# A file that was written a moment ago may be written again without another time of change.
_SETTLED_NS = 2_000_000_000


def sha256_of(path: Path, kept: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hex digits.

    It is read once and then kept in the folder `kept`, by path, file number, size and the times of content and of
    change. No program can set the last one, so other content has another name there. Raises OSError where the file
    cannot be read; what cannot be kept is computed again.
    """
    begun_ns = time.time_ns()
    about = path.stat()
    name = _name(path, about)
    with suppress(OSError, ValueError):
        if _SHA256.fullmatch(found := (kept / name).read_text(encoding="ascii")):
            return found
    with path.open("rb") as file:
        made = hashlib.file_digest(file, "sha256").hexdigest()
        is_same = _name(path, os.fstat(file.fileno())) == name
    if is_same and begun_ns - about.st_ctime_ns > _SETTLED_NS:
        try:
            kept.mkdir(parents=True, exist_ok=True)
            write_whole(kept / name, made)
        except (OSError, ConfigError) as error:
            log.debug("the digest of %s cannot be kept: %s", path, error)
    return made


def _name(path: Path, about: os.stat_result) -> str:
    parts = (path.resolve(), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
    return hashlib.blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
