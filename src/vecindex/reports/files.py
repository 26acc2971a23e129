"""Writing a whole file or none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vecindex.errors import ConfigError


def write_whole(path: str | Path, content: str | bytes, option: str) -> None:
    """Write bytes, or a text as UTF-8, beside their place and put them there by a rename: no half file is ever seen.

    A file that was there is replaced and keeps its permissions; where a link leads stays.

    Raises ConfigError when it cannot be written; `option` is the one that names the file.
    """
    there = Path(os.path.realpath(path))
    beside = there.with_name(f".{there.name[:40]}.{secrets.token_hex(6)}.part")
    try:
        old = there.stat() if there.exists() else None
        if old is not None and not there.is_file():
            # Renaming over a device or a pipe would remove it.
            raise OSError(None, "it is not a plain file")
        # A new file gets the permissions that the user's mask leaves.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        if old is not None:
            beside.chmod(old.st_mode & 0o777)
        beside.replace(there)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ConfigError(
            f"Cannot write {path}: {error.strerror or error}.", f"Name another file: {option} FILE"
        ) from error
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
