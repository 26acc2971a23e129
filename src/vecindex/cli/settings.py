"""Settings: options that are given once, in a file or in the environment, and hold for every run.

What can be set is what the commands declare. An option on the command line comes before a variable of the
environment, and that before the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vecindex.cli.options import NEVER_BY_A_FOLDER
from vecindex.config import DATABASE_VARIABLE, KEY_VARIABLE, VECTORS_VARIABLE
from vecindex.errors import ConfigError
from vecindex.masks import masked
from vecindex.messages import is_it
from vecindex.serialize import Result

FILE = "vecindex.toml"
"""Read where it lies in the working folder."""
VARIABLE = "VECINDEX_CONFIG"
"""Names another file."""
_PREFIX = "VECINDEX_"
_OF_THE_PROCESS = {VARIABLE, KEY_VARIABLE, VECTORS_VARIABLE, DATABASE_VARIABLE}
"""Variables that are read without the commands."""
_NOT_SET = ("help", "version", "install_completion", "show_completion", "settings")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that holds: of which command (None for all), its name, its value, and where it comes from."""

    command: str | None
    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Settings(Result):
    """The settings that hold, the file that was read, and variables that begin like ours and set nothing."""

    file: str | None
    settings: tuple[Setting, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """The options of a command (None for those before the command), by their names in a file."""

    command: str | None
    options: dict[str, Any]


class Sources:
    """The settings of a command line: its options, and what the file sets."""

    def __init__(self, group: Any) -> None:
        """Take the commands; they are imported where the file or a variable may set one of their options."""
        self._group = group
        self._all = self._named(_Known(None, _options(group)))
        self.path: Path | None = None
        self._file: dict[tuple[str | None, str], Any] = {}

    @cached_property
    def _commands(self) -> dict[str, _Known]:
        return {name: _Known(name, _options(command)) for name, command in self._group.commands.items()}

    def _named(self, known: _Known) -> _Known:
        """Give options their variables."""
        for name, option in known.options.items():
            option.envvar = self._variables(known.command, name)
            option.show_envvar = False
        return known

    def _are_variables_set(self) -> bool:
        """Return whether the environment has a variable that may set an option of a command."""
        of_all = {variable for option in self._all.options.values() for variable in option.envvar}
        return any(v.startswith(_PREFIX) and v not in of_all | _OF_THE_PROCESS for v in os.environ)

    def _variables(self, command: str | None, name: str) -> list[str]:
        own = [] if command is None else [_variable(command, name)]
        return own + ([_variable(name)] if command is None or self._shared(name) else [])

    def _shared(self, name: str) -> list[_Known]:
        """Return the commands that have an option; none where it does not mean the same for all of them."""
        found = [known for known in self._commands.values() if name in known.options]
        meanings = {known.options[name].help for known in found}
        return found if len(found) > 1 and len(meanings) == 1 else []

    def read(self) -> dict[str, Any]:
        """Return the defaults that the file sets, as the parser takes them; raises ConfigError for what is wrong."""
        self.path = _path()
        if self.path is not None or self._are_variables_set():
            for known in self._commands.values():
                self._named(known)
        if self.path is None:
            return {}
        defaults: dict[str, Any] = {}
        for name, value in _parsed(self.path).items():
            if isinstance(value, dict):
                continue
            for known in self._owners(name):
                option = known.options[name]
                into = defaults if known.command is None else defaults.setdefault(known.command, {})
                into[option.name] = self._value(None, name, option, value)
                self._file[known.command, name] = value
        for section, values in _parsed(self.path).items():
            if isinstance(values, dict):
                for name, value in values.items():
                    option = self._option(section, name)
                    defaults.setdefault(section, {})[option.name] = self._value(section, name, option, value)
                    self._file[section, name] = value
        return defaults

    def _owners(self, name: str) -> list[_Known]:
        """Return the commands that a name at the head of the file is for."""
        if name in self._all.options:
            return [self._all]
        if shared := self._shared(name):
            return shared
        having = [command for command, known in self._commands.items() if name in known.options]
        if having:
            raise ConfigError(
                f"{self.path}: {name!r} is for a command: {', '.join(having)}.",
                f"Write it into the section of the command: [{having[0]}]",
            )
        names = {*self._all.options, *self._commands, *(n for k in self._commands.values() for n in k.options)}
        raise ConfigError(
            f"{self.path}: there is no setting {name!r}.",
            f"{is_it(name, sorted(names))}Settings are options of commands.",
        )

    def _option(self, section: str, name: str) -> Any:
        if section not in self._commands:
            near = is_it(section, self._commands)
            raise ConfigError(
                f"{self.path}: there is no command {section!r}.", f"{near}There are: {', '.join(self._commands)}."
            )
        options = self._commands[section].options
        if name not in options:
            raise ConfigError(
                f"{self.path}: [{section}] has no setting {name!r}.",
                f"{is_it(name, options)}There are: {', '.join(sorted(options))}.",
            )
        return options[name]

    def _value(self, section: str | None, name: str, option: Any, value: Any) -> Any:
        """Return a value as the command line would have it."""
        where = f"{self.path}: {name!r}" + (f" in [{section}]" if section else "")
        if option.name in NEVER_BY_A_FOLDER and not os.environ.get(VARIABLE):
            raise ConfigError(
                f"{where} is not taken from a file that merely lies in the working folder.",
                f"Give the option, or name the file in ${VARIABLE}.",
            )
        switch = bool(option.is_flag)
        if switch is not isinstance(value, bool):
            raise ConfigError(f"{where} {'is' if switch else 'is not'} true or false, found {value!r}.")
        if isinstance(value, list):
            if not option.multiple:
                raise ConfigError(f"{where} takes one value, found {value!r}.")
            return [str(one) for one in value]
        if switch:
            return value
        return [str(value)] if option.multiple else str(value)

    def held(self) -> Settings:
        """Return what holds now, and where each comes from."""
        found = []
        used = {VARIABLE, KEY_VARIABLE, VECTORS_VARIABLE}
        for known in (self._all, *map(self._named, self._commands.values())):
            for name, option in known.options.items():
                used |= set(option.envvar)
                source = next((v for v in option.envvar if os.environ.get(v)), None)
                if source is not None:
                    found.append(Setting(known.command, name, masked(os.environ[source]), f"${source}"))
                elif (known.command, name) in self._file:
                    value = self._file[known.command, name]
                    found.append(Setting(known.command, name, masked(_written(value)), str(self.path)))
        unused = tuple(sorted(v for v in os.environ if v.startswith(_PREFIX) and v not in used))
        path = None if self.path is None else str(self.path)
        return Settings(path, tuple(_merged(found, self._shared)), unused)


_run: list[Sources] = []


def begin(group: Any) -> Sources:
    """Begin a run with the settings of its commands."""
    _run[:] = [Sources(group)]
    return _run[0]


def held() -> Settings:
    """Return the settings that hold in this run."""
    return _run[0].held()


def source_of(context: Any, option: Any) -> str | None:
    """Return where an option's value came from, None for the command line."""
    source = context.get_parameter_source(option.name)
    if source is not None and source.name == "ENVIRONMENT":
        return next((f"${v}" for v in option.envvar if os.environ.get(v)), None)
    if source is not None and source.name == "DEFAULT_MAP":
        return str(_run[0].path)
    return None


def _merged(found: list[Setting], shared: Any) -> Iterator[Setting]:
    """Yield the settings, one that is the same for all its commands once."""
    done = set()
    for one in found:
        alike = [s for s in found if (s.name, s.value, s.source) == (one.name, one.value, one.source)]
        if one.command is None or len(alike) < max(2, len(shared(one.name))):
            yield one
        elif one.name not in done:
            done.add(one.name)
            yield Setting(None, one.name, one.value, one.source)


def _options(command: Any) -> dict[str, Any]:
    """Return the options of a command by their names in a file: those of their flags."""
    found = {}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name not in _NOT_SET:
            found[max(parameter.opts, key=len).lstrip("-")] = parameter
    return found


def _variable(*names: str) -> str:
    return (_PREFIX + "_".join(names)).upper().replace("-", "_")


def _path() -> Path | None:
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(FILE) if Path(FILE).is_file() else None


def _parsed(path: Path) -> Mapping[str, Any]:
    import tomllib

    try:
        with path.open("rb") as stream:
            found = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"The settings in {path} cannot be read: {error.strerror}.", "Correct the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no TOML: {error}.", "For example: wait = 600") from error
    return {name: _dashed(value) for name, value in _dashed(found).items()}


def _dashed(value: Any) -> Any:
    """Return a table with its names as options have them: log-file for log_file."""
    return {name.replace("_", "-"): one for name, one in value.items()} if isinstance(value, dict) else value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
