"""The house: small rooms, and messages that leave the spelling to the front ends. See CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "vecindex"
FRONT_ENDS = ("cli/", "spelling.py", "messages.py", "options.py")
LARGEST_ROOM = 16
VERBS = "explore|index|ingest|search|project|map|overlap|export|serve|status|delete|optimize|tag|doctor"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+|(?<![\w-])-k\b")
COMMAND = re.compile(rf"\bvecindex (?:{VERBS})\b")


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the value of each string of a module, docstrings and parts of f-strings included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def declared_flags(path: Path) -> set[str]:
    """Return the strings that an options class declares as flags."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Option":
            found |= {
                word.value.value
                for word in node.keywords
                if word.arg == "flag" and isinstance(word.value, ast.Constant)
            }
    return found


def spelled(path: Path) -> list[str]:
    """Return the places of a module where a string spells an option or a command of the command line."""
    flags = declared_flags(path)
    return [
        f"{path.parent.name}/{path.name}:{line}: {text.strip()[:80]!r}"
        for line, text in strings(path)
        if text not in flags and not text.startswith("pip install") and (OPTION.search(text) or COMMAND.search(text))
    ]


def test_only_the_front_ends_spell_options_and_commands() -> None:
    modules = [p for p in sorted(SOURCE.rglob("*.py")) if not str(p.relative_to(SOURCE)).startswith(FRONT_ENDS)]
    assert len(modules) > 150
    found = [place for path in modules for place in spelled(path)]
    assert not found, f"{len(found)} strings:\n" + "\n".join(found)


def test_a_spelled_option_is_seen(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    lines = [
        'A = "leave --map out"',
        'B = f"run vecindex project {A}"',
        'C = Option("h", flag="-k")',
        'D = "a-k --- b"',
    ]
    module.write_text("\n".join(lines))
    assert [place.split(":")[1] for place in spelled(module)] == ["1", "2"]


def test_no_room_is_too_large() -> None:
    rooms = Counter(path.parent.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
    too_large = {str(room): n for room, n in rooms.items() if n > LARGEST_ROOM}
    assert not too_large


def test_modules_can_be_read_in_a_sitting() -> None:
    long = {
        str(path.relative_to(SOURCE)): n
        for path in SOURCE.rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_the_modules_that_are_mutated_are_there() -> None:
    import tomllib

    root = SOURCE.parents[1]
    paths = tomllib.loads((root / "bench/mutants.toml").read_text(encoding="utf-8"))["cosmic-ray"]["module-path"]
    assert len(paths) > 15
    assert [path for path in paths if not (root / path).exists()] == []


def test_test_files_have_names_of_their_own() -> None:
    # Test folders are no packages, so pytest imports their modules by name alone.
    names = Counter(path.name for path in SOURCE.parents[1].glob("tests/*/test_*.py"))
    assert {name: n for name, n in names.items() if n > 1} == {}
