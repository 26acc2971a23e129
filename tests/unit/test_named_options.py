"""What messages name exists: each command of a message can be typed, each option is one of some verb."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import vecindex
from vecindex.cli.app import app
from vecindex.spelling import NAMED, TYPED, flag_of

SOURCE = Path(vecindex.__file__).parent
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def calls(function: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield the place and the call of a function of `messages`, from every module."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def flags(verb: str) -> set[str]:
    return {
        flag for p in COMMANDS[verb].params if p.param_type_name == "option" for flag in (*p.opts, *p.secondary_opts)
    }


def most_arguments(verb: str) -> int:
    """Return how many positional arguments a command takes at the most."""
    return sum(99 if p.nargs == -1 else 1 for p in COMMANDS[verb].params if p.param_type_name == "argument")


def named_commands() -> list[tuple[str, str, list[tuple[str, object]], int]]:
    """Return the place, verb, options with their constant values, and number of arguments of each command."""
    found = []
    for place, call in calls("command"):
        if call.args and isinstance(call.args[0], ast.Constant):
            given = [
                (word.arg, word.value.value if isinstance(word.value, ast.Constant) else 1)
                for word in call.keywords
                if word.arg
            ]
            starred = any(isinstance(one, ast.Starred) for one in call.args)
            found.append((place, str(call.args[0].value), given, 0 if starred else len(call.args) - 1))
    return found


def test_messages_name_commands() -> None:
    assert len(named_commands()) > 50


@pytest.mark.parametrize(("place", "verb", "given", "n_arguments"), named_commands())
def test_the_command_of_a_message_can_be_typed(
    place: str, verb: str, given: list[tuple[str, object]], n_arguments: int
) -> None:
    verb = NAMED.get(verb, verb)
    # Some verbs are an option of another one on the command line, which takes the argument.
    assert verb in COMMANDS or (TYPED[verb][0] in COMMANDS and TYPED[verb][1] in flags(TYPED[verb][0])), place
    if verb in TYPED:
        assert (given, n_arguments) == ([], 1), place
        return
    for name, value in given:
        assert flag_of(verb, name, value) in flags(verb), f"{place}: {name}"
    assert n_arguments <= most_arguments(verb), place


def test_the_option_of_a_message_is_one_of_some_verb() -> None:
    typed = {flag for verb in COMMANDS for flag in flags(verb)}
    python = {
        name
        for method in (
            "explore",
            "ingest",
            "search",
            "project",
            "map",
            "lens",
            "overlap",
            "export",
            "build_index",
            "delete",
            "optimize",
            "tag",
            "doctor",
        )
        for name in inspect.signature(getattr(vecindex.Index, method)).parameters
    }
    wrong = []
    for place, call in calls("option"):
        if call.args and isinstance(call.args[0], ast.Constant):
            name = str(call.args[0].value)
            if name not in python and not any(flag_of(verb, name) in typed for verb in COMMANDS):
                wrong.append(f"{place}: {name}")
    assert not wrong


# Modules that several commands share, and the option by which a command comes to each of them.
SHARED = {
    "cluster": "engine",
    "verbs/cluster": "engine",
    "verbs/ingest/cluster": "wave_rows",
    "verbs/bounds.py": "memory",
    "store/lock.py": "wait",
    "store/remote/lease.py": "wait",
    "embed/rerank": "rerank",
    "verbs/questions": "model",
    "verbs/project/sample": "layout_rows",
}


def test_what_commands_share_names_options_that_all_of_them_have() -> None:
    named, wrong = set(), []
    for place, call in calls("option"):
        room = max((one for one in SHARED if place.startswith(one)), key=len, default=None)
        if room is None or not isinstance(call.args[0], ast.Constant):
            continue
        name = str(call.args[0].value)
        concerned = [v for v in COMMANDS if flag_of(v, SHARED[room]) in flags(v)]
        assert concerned, room
        named.add(room)
        wrong += [f"{place}: {verb} has no {name}" for verb in concerned if flag_of(verb, name) not in flags(verb)]
    assert wrong == []
    assert named >= {"cluster", "verbs/ingest/cluster", "verbs/bounds.py", "store/lock.py", "store/remote/lease.py"}


def test_an_option_is_spelled_as_its_verb_declares_it() -> None:
    wrong, compared = [], 0
    for verb, typed in COMMANDS.items():
        method = {flag: name for name, flag in NAMED.items()}.get(verb, verb.replace("-", "_"))
        python = inspect.signature(getattr(vecindex.Index, method, len)).parameters
        for one in typed.params:
            declared = python.get(one.name)
            if one.param_type_name == "option" and declared and declared.kind is declared.KEYWORD_ONLY:
                compared += 1
                wrong += [] if flag_of(verb, one.name) in one.opts else [f"{verb}: {one.name}"]
    assert (wrong, compared > 100) == ([], True)
