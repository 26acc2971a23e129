"""A first run over all sources, then one for the files that come or change, each when they are written to their end.

Events of the file system say when to look; what is new is known from the files' sizes and times, so that no event can
be missed. Nothing is kept on disk: after a kill, the first run finds what is missing, as any run does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecindex.errors import ConfigError, MissingExtraError, ModelError, SourceError, StoreError, VecindexError
from vecindex.messages import option, text
from vecindex.verbs.ingest.options import IngestOptions, checked_ingest
from vecindex.verbs.ingest.run import Stop
from vecindex.verbs.ingest.watching.files import Changes, Signature, folders_of, signatures

_TICK_MS = 250
# Where the file system reports no events, as over a network, and for those that went missing.
_LOOK_EVERY_S = 30.0
# After a fault that is not the files': another writer, a full disk.
_RETRY_S = 10.0

RunOf = Callable[[set[str] | None], object]
"""Ingests the files of these names, None for all that the sources stand for."""


def watch(
    sources: Sequence[str],
    options: IngestOptions,
    run: RunOf,
    failed: Callable[[VecindexError], None],
    waiting: Callable[[Sequence[Path]], None],
    stop: Stop,
) -> None:
    """Call `run` for all files of the sources, then for those that come or change, until `stop` is set.

    `failed` gets the error of a run: nothing ends by it, but by a wrong option or model of the first one. Files that
    cannot be read are tried again when they change; after a fault of the database or the model, ten seconds later.
    `waiting` gets the folders once the first run is over.

    Raises
    ------
    ConfigError
        For options and sources that do not go with it.
    SourceError
        A path is not there.
    MissingExtraError
        The package that watches is not installed.
    """
    options = checked_ingest(options)
    _refuse(options)
    folders = folders_of(sources)
    watcher = _Watcher(Changes(), run, failed)
    look_at, is_first = 0.0, True
    for changed in _ticks(folders, stop):
        now = time.monotonic()
        if not changed and now < look_at:
            continue
        found = signatures(sources, options["format"])
        settled = watcher.changes.settled(found, time.time())
        if settled:
            # One that is all there is counts what the sources no longer hold, as any run does.
            watcher.ingest(settled, is_all=is_first and len(settled) == len(found))
        if is_first and not stop():
            waiting(folders)
        is_first = False
        unsettled = watcher.changes.waiting(found)
        pause = _RETRY_S if watcher.is_held_up else _TICK_MS / 1000 if unsettled else _LOOK_EVERY_S
        look_at = time.monotonic() + pause


@dataclass(slots=True)
class _Watcher:
    changes: Changes
    run: RunOf
    failed: Callable[[VecindexError], None]
    is_held_up: bool = False
    """Whether the last run failed by no fault of its files."""
    had_one: bool = False
    _shown: str = ""

    def ingest(self, files: dict[str, Signature], is_all: bool) -> None:
        """Ingest files; where one of several cannot be read, each by itself."""
        self.is_held_up = False
        try:
            self._ingest(files, None if is_all else set(files))
        except SourceError as error:
            if len(files) == 1:
                self._give_up(files, error)
                return
            for name, signature in files.items():
                try:
                    self._ingest({name: signature}, {name})
                except SourceError as fault:
                    self._give_up({name: signature}, fault)

    def _ingest(self, files: dict[str, Signature], names: set[str] | None) -> None:
        try:
            self.run(names)
        except (StoreError, ModelError) as error:
            if isinstance(error, ModelError) and not self.had_one:
                raise  # the model that was asked for; later it is the device that fails
            self.is_held_up = True
            self._show(error)
            return
        self.had_one, self._shown = True, ""
        self.changes.done.update(files)

    def _give_up(self, files: dict[str, Signature], error: SourceError) -> None:
        """Leave files alone until they change."""
        self.changes.done.update(files)
        self._show(error)

    def _show(self, error: VecindexError) -> None:
        # What is tried again says the same each time.
        if str(error) != self._shown:
            self.failed(error)
        self._shown = str(error)


def _refuse(options: IngestOptions) -> None:
    for name, why in {
        "dry_run": "it would embed nothing",
        "prune": "a file that comes says nothing about the rows of others",
        "vectors": "the file of embeddings is not watched",
    }.items():
        if options[name]:  # type: ignore[literal-required]
            raise ConfigError(
                text(option(name, options[name]), f" does not go with watching: {why}."),  # type: ignore[literal-required]
                "Leave it out, or give it to a run of its own.",
            )


@dataclass(frozen=True, slots=True)
class _StopEvent:
    stop: Stop

    def is_set(self) -> bool:
        return self.stop()


def _ticks(folders: Sequence[Path], stop: Stop) -> Iterator[bool]:
    """Yield whether something has changed in the folders, a few times a second, until `stop` is set."""
    try:
        import watchfiles
    except ImportError as error:
        raise MissingExtraError(
            "Watching needs the package watchfiles, which is not installed.", "pip install 'vecindex[watch]'"
        ) from error
    event: Any = _StopEvent(stop)
    events = watchfiles.watch(
        *folders,
        watch_filter=None,
        stop_event=event,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        ignore_permission_denied=True,
    )
    for changes in events:
        yield bool(changes)
        if stop():
            return
