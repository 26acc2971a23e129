"""The objects under a URL of object storage, by the few requests that LanceDB does not make for us."""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from vecindex.errors import ConfigError, StoreError, UnavailableError
from vecindex.masks import masked
from vecindex.objects.words import remote_fault

SCHEMES = ("s3", "gs", "az")
"""Of the URLs that may hold a database."""
_RETRIES = 3
_RETRY_S = 20
_CLIENT = {"connect_timeout": "5s", "timeout": "60s"}
_HTTP = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
_AT_ONCE = 1_000
# A client of obstore asks for no more at once.
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Version:
    """Which state of an object a conditional write replaces."""

    e_tag: str | None
    number: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing: its name under the URL, its bytes, when it was written by the store's clock, and what
    distinguishes its content.
    """

    name: str
    size: int
    modified: datetime
    e_tag: str | None = None


class ConditionsUnknown(Exception):
    """The store answered a conditional write with words for 'not implemented'."""


def is_known(uri: str) -> bool:
    """Return whether a URL is of a store whose objects can be asked for.

    >>> is_known("s3://bucket/db"), is_known("memory://db")
    (True, False)
    """
    return uri.partition("://")[0] in SCHEMES


class Objects:
    """The objects under one URL. Settings and keys come from the environment alone, as LanceDB takes them.

    All raise UnavailableError or StoreError, in words and without a key, for what the store refuses.
    """

    def __init__(self, uri: str) -> None:
        """Take a URL such as s3://bucket/folder; nothing is asked yet. Raises ConfigError for another scheme."""
        scheme, _, rest = uri.partition("://")
        bucket, _, folder = rest.partition("/")
        self.uri = masked(uri)
        self._scheme = scheme
        if scheme not in SCHEMES or not bucket:
            raise ConfigError(
                f"{self.uri!r} names no bucket that can hold this.",
                "Name one: s3://BUCKET/NAME, gs://... or az://...",
            )
        with self._asking():
            self._store = _store(scheme, bucket, folder.strip("/"))

    def check(self) -> None:
        """Ask for one name, so that a wrong key, bucket or address is known before anything else is tried."""
        import obstore

        with self._asking():
            next(iter(obstore.list(self._store, chunk_size=1)), None)

    def read(self, name: str) -> tuple[bytes, Version, datetime] | None:
        """Return an object's bytes, its version and when it was written; None where there is none."""
        import obstore

        with self._asking():
            try:
                found = obstore.get(self._store, name)
                return bytes(found.bytes()), _version(found.meta), found.meta["last_modified"]
            except FileNotFoundError as error:
                _check_bucket(error, self.uri)
                return None

    def write(self, name: str, content: bytes) -> datetime:
        """Write an object, whether it is there or not; return when, by the store's clock."""
        import obstore

        with self._asking():
            obstore.put(self._store, name, content)
            modified: datetime = obstore.head(self._store, name)["last_modified"]
            return modified

    def create(self, name: str, content: bytes) -> Version | None:
        """Write an object that is not there yet; return its version, None where it is there."""
        return self._put(name, content, "create")

    def replace(self, name: str, content: bytes, version: Version) -> Version | None:
        """Write an object over this version of it; return the new one, None where it has another by now."""
        known = {"e_tag": version.e_tag, "version": version.number}
        return self._put(name, content, {key: value for key, value in known.items() if value is not None})

    def _put(self, name: str, content: bytes, mode: Any) -> Version | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PreconditionError

        with self._asking():
            try:
                return _version(obstore.put(self._store, name, content, mode=mode))
            except (AlreadyExistsError, PreconditionError):
                return None
            except NotSupportedError as error:
                raise ConditionsUnknown from error
            except BaseError as error:
                if "NotImplemented" in str(error) or "501 Not" in str(error):
                    raise ConditionsUnknown from error
                raise

    def size(self, name: str) -> int | None:
        """Return the bytes of an object, None where there is none."""
        import obstore

        with self._asking():
            try:
                return int(obstore.head(self._store, name)["size"])
            except FileNotFoundError as error:
                _check_bucket(error, self.uri)
                return None

    def upload(self, name: str, file: IO[bytes]) -> None:
        """Write a local file as an object, in parts if it is large; it is there whole or not at all."""
        import obstore

        with self._asking():
            obstore.put(self._store, name, file)

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects whose names begin with a folder."""
        import obstore

        with self._asking():
            for page in obstore.list(self._store, prefix=prefix):
                for one in page:
                    yield Listed(one["path"], int(one["size"]), one["last_modified"], one["e_tag"])

    def first_listed(self, prefix: str) -> tuple[Listed, ...]:
        """Return the objects whose names begin with a folder, as far as one request gives them, by name."""
        return tuple(itertools.islice(self.listed(prefix), _PAGE))

    def remove(self, names: Sequence[str]) -> None:
        """Remove objects; those that are gone already are passed over."""
        import obstore

        with self._asking():
            for at in range(0, len(names), _AT_ONCE):
                obstore.delete(self._store, list(names[at : at + _AT_ONCE]))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not isinstance(error, _failures()):
                raise
            raise _in_words(error, self.uri) from error


def _failures() -> tuple[type[Exception], ...]:
    """Return what a client of a store raises; boto3, which reads profiles, has errors of its own."""
    from obstore.exceptions import BaseError

    profiles = sys.modules.get("botocore.exceptions")
    return (BaseError, OSError, ValueError, *([] if profiles is None else [profiles.BotoCoreError]))


def _check_bucket(error: FileNotFoundError, uri: str) -> None:
    """Raise UnavailableError where an object is missing since its bucket is."""
    if (fault := remote_fault(str(error), uri, is_missing=True)) is not None:
        raise UnavailableError(f"{uri}: {fault.what}.", fault.hint) from error


def _in_words(error: Exception, uri: str) -> StoreError:
    fault = remote_fault(f"{type(error).__name__} {error}", uri)
    if fault is None:
        return UnavailableError(
            f"{uri}: the store refused a request ({type(error).__name__}).",
            "Check the address and the settings of the store, and run the same command again.",
        )
    return UnavailableError(f"{uri}: {fault.what}.", fault.hint)


def _version(found: Mapping[str, Any]) -> Version:
    return Version(found.get("e_tag"), found.get("version"))


def _store(scheme: str, bucket: str, folder: str) -> Any:
    from obstore import store

    made = {"s3": store.S3Store, "gs": store.GCSStore, "az": store.AzureStore}[scheme]
    return made(bucket, prefix=folder or None, **_settings(scheme))


def filesystem(url: str) -> tuple[Any, str]:
    """Return an fsspec filesystem for the objects of a URL, and the path in it, for where fsspec has none itself."""
    from obstore.fsspec import FsspecStore

    scheme = url.partition("://")[0]
    made = type("Files", (FsspecStore,), {"protocol": scheme})(**_settings(scheme))
    return made, made._strip_protocol(url)


def parted(url: str) -> tuple[str, str]:
    """Return the URL of the folder that an object lies in, and its name there.

    Raises ConfigError for a bucket or a folder: nothing can be written as that.

    >>> parted("s3://bucket/a/b.csv"), parted("s3://bucket/b.csv")
    (('s3://bucket/a', 'b.csv'), ('s3://bucket', 'b.csv'))
    """
    scheme, separator, rest = url.partition("://")
    folder, _, name = rest.rpartition("/")
    if is_known(url) and not (folder and name):
        raise ConfigError(f"{masked(url)!r} names no file in a bucket.", f"Name one: {scheme}://BUCKET/NAME.")
    return f"{scheme}{separator}{folder}", name


def _settings(scheme: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        # Options given here replace those of the environment, that for http too.
        "client_options": {**_CLIENT, "allow_http": _allows_http(scheme)},
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_S)},
    }
    if (keys := _keys_of_a_profile(scheme)) is not None:
        settings["credential_provider"] = keys
    return settings


def _allows_http(scheme: str) -> bool:
    names = (_HTTP[scheme], "ALLOW_HTTP")
    return any((os.environ.get(name) or "").lower() in ("1", "true", "yes", "on") for name in names)


def _keys_of_a_profile(scheme: str) -> Any | None:
    """Return what reads keys from ~/.aws, where the environment has none and boto3 is installed."""
    if scheme != "s3" or "AWS_ACCESS_KEY_ID" in os.environ or importlib.util.find_spec("boto3") is None:
        return None
    if "AWS_PROFILE" not in os.environ and not (Path.home() / ".aws" / "credentials").exists():
        return None
    from obstore.auth.boto3 import Boto3CredentialProvider

    return Boto3CredentialProvider()
