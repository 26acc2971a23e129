"""Registries: what vecindex brings and what other packages add, looked up by name in the same way.

A registry holds entry points. Those of vecindex are listed where the registry is made; those of other packages come
from the entry point group of the registry, in their pyproject.toml:

    [project.entry-points."vecindex.sources"]
    pdf = "my_package.pdf:FORMAT"

Nothing is imported before it is looked up, and for a name of vecindex's own no other package is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Generic, TypeVar

from vecindex.errors import ConfigError, MissingExtraError, VecindexError
from vecindex.messages import is_it

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class UnknownNameError(ConfigError):
    """A registry has no entry of this name. `name` is the one asked for, `known` are those that there are."""

    def __init__(self, kind: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown {kind} {name!r}", f"{is_it(name, known)}Known {kind}s: {', '.join(known)}")
        self.kind, self.name, self.known = kind, name, known

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, tuple[str, ...]]]:
        """Rebuild from all three."""
        return UnknownNameError, (self.kind, self.name, self.known)


class PluginError(MissingExtraError):
    """A package that adds something to vecindex cannot be used: it does not load, or its names clash."""


class Registry(Generic[T]):
    """Things of one type `T` by name, each imported when it is first looked up."""

    def __init__(self, kind: str, group: str, expected: type[T], built_in: Mapping[str, str]) -> None:
        """Describe the registry; nothing is imported.

        Parameters
        ----------
        kind : what an entry is, for messages ("map method").
        group : the entry point group in which other packages list theirs.
        expected : the type of every entry.
        built_in : "module:attribute" of vecindex's own entries, by name, in the order in which they are listed.
        """
        self.kind, self.group, self.expected = kind, group, expected
        self._built_in = dict(built_in)
        self._loaded: dict[str, T] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All names: vecindex's own in their order, then those of other packages by name. Imports no entry.

        Raises PluginError when a name is taken twice.
        """
        return tuple(self._entries)

    @property
    def built_in(self) -> tuple[str, ...]:
        """The names of vecindex's own entries."""
        return tuple(self._built_in)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._entries

    def __getitem__(self, name: str) -> T:
        """Return an entry.

        Raises UnknownNameError; PluginError when another package's does not load or one of its names is taken.
        """
        if name not in self._loaded:
            # The installed packages are read for other names only: that takes a tenth of a search from a cold start.
            own = self._built_in.get(name)
            self._loaded[name] = resolve_name(own) if own is not None else self._added(name)
        return self._loaded[name]

    def package(self, name: str) -> str:
        """Return the name of the package that an entry comes from."""
        return _package(self._entries[name])

    def _added(self, name: str) -> T:
        if name not in self._entries:
            raise UnknownNameError(self.kind, name, self.names)
        return self._load(self._entries[name])

    @cached_property
    def _entries(self) -> dict[str, EntryPoint]:
        # Imported here, for it takes a fifth of the time that `vecindex --help` has.
        from importlib.metadata import EntryPoint, entry_points

        entries = {name: EntryPoint(name, value, self.group) for name, value in self._built_in.items()}
        for added in sorted(entry_points(group=self.group), key=lambda entry: (entry.name, _package(entry))):
            if (other := entries.get(added.name)) is not None:
                both = f"by {_package(other)} and by {_package(added)}"
                raise PluginError(
                    f"The {self.kind} {added.name!r} is defined twice: {both}.",
                    f"Uninstall one of them, e.g. pip uninstall {_package(added)}",
                )
            entries[added.name] = added
        return entries

    def _load(self, entry: EntryPoint) -> T:
        try:
            found = entry.load()
        except Exception as error:  # it runs another package's code
            if isinstance(error, VecindexError):
                raise
            raise self._broken(entry, f"does not load: {type(error).__name__}: {error}") from error
        if not isinstance(found, self.expected):
            raise self._broken(entry, f"is a {type(found).__name__}, expected a {self.expected.__name__}")
        return found

    def _broken(self, entry: EntryPoint, fault: str) -> PluginError:
        return PluginError(
            f"The {self.kind} {entry.name!r} of the package {_package(entry)} ({entry.value}) {fault}",
            f"Update or uninstall {_package(entry)}.",
        )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "vecindex"
