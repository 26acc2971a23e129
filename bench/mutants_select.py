"""Which mutants count, and which tests could kill one: for mutants.py."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from coverage import CoverageData

Position = tuple[int, int]
Span = tuple[Position, Position]


def counts(source: Path, start: Position, end: Position) -> bool:
    """Return whether a mutant at this span (lines from 1, columns from 0) changes behavior.

    Not counted: annotations, blocks under TYPE_CHECKING, calls of a logger, and formatted text that is raised.
    """
    return not any(first <= start and end <= last for first, last in _left_out(source))


@cache
def _left_out(source: Path) -> list[Span]:
    text = source.read_text()
    lines = text.split("\n")
    return [_span(node, lines) for node in _nodes_left_out(ast.parse(text))]


def _nodes_left_out(tree: ast.AST) -> Iterator[Any]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns
        elif (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING") or (
            isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")
        ):
            yield node
        elif isinstance(node, ast.Raise):
            yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.JoinedStr))


def _span(node: Any, lines: list[str]) -> Span:
    """Return a node's span with columns in characters; ast counts bytes."""
    return (
        (node.lineno, len(lines[node.lineno - 1].encode()[: node.col_offset].decode())),
        (node.end_lineno, len(lines[node.end_lineno - 1].encode()[: node.end_col_offset].decode())),
    )


class Tests:
    """The tests that mutants_record wrote down."""

    def __init__(self, record: Path, tree: Path) -> None:
        self.tree = tree
        self.tests = json.loads((record / "tests.json").read_text())
        self.data = CoverageData(str(record / "coverage"))
        self.data.read()
        self.sources = {path: path.read_text() for path in sorted((tree / "src").rglob("*.py"))}

    def of(self, module: Path, line: int, budget: float) -> tuple[list[str], float]:
        """Return the quickest tests that reach a line of a module, and their seconds, at most `budget` of them.

        A line that runs at import (a constant, a field, a decorator of a class) is reached by every test of its
        module and of those that import it, and by those that name it: in their file, or in their id. A function's
        header is reached by those of its body. Where nothing was seen to reach a line, for its tests run in other
        processes, the tests that name the module are taken.
        """
        file = self.tree / module
        first, last = _reach(self.sources[file], line)
        names = self._between(file, first, last) if last else self._of_module(file)
        names = names or self._naming(file)
        return self._within(names, budget)

    def _between(self, file: Path, first: int, last: int) -> set[str]:
        contexts = self._contexts(file)
        return {name for line in range(first, last + 1) for name in contexts.get(line, ()) if name in self.tests}

    def _of_module(self, file: Path) -> set[str]:
        parts = file.relative_to(self.tree / "src").with_suffix("").parts
        module, package = ".".join(parts), f"from {'.'.join(parts[:-1])} import"
        importers = [
            path
            for path, text in self.sources.items()
            if f"from {module} import" in text or (package in text and parts[-1] in text)
        ]
        found = self._naming(file)
        for path in (file, *importers):
            for names in self._contexts(path).values():
                found.update(name for name in names if name in self.tests)
        return found

    def _naming(self, file: Path) -> set[str]:
        module = ".".join(file.relative_to(self.tree / "src").with_suffix("").parts)
        naming = {
            path.relative_to(self.tree).as_posix()
            for path in (self.tree / "tests").rglob("test_*.py")
            if module in path.read_text()
        }
        return {name for name in self.tests if name.partition("::")[0] in naming or name.endswith(f"[{module}]")}

    @cache  # noqa: B019 (one object a process)
    def _contexts(self, file: Path) -> dict[int, list[str]]:
        return self.data.contexts_by_lineno(str(file))

    def _within(self, names: set[str], budget: float) -> tuple[list[str], float]:
        def whole(name: str) -> float:
            return self.tests[name]["seconds"] + max(self.tests[name]["shared"].values(), default=0.0)

        chosen, seconds, paid = [], 0.0, set()
        for name in sorted(names, key=lambda name: (whole(name), name)):
            test = self.tests[name]
            # The longest fixture's time holds those of the fixtures that it asks for.
            price = test["seconds"] + max((s for n, s in test["shared"].items() if n not in paid), default=0.0)
            if chosen and seconds + price > budget:
                continue
            chosen.append(name)
            seconds += price
            paid.update(test["shared"])
        return chosen, seconds


def _reach(text: str, line: int) -> tuple[int, int]:
    """Return the first and last line whose tests concern a line; (0, 0) for one that runs at import."""
    holders = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt | ast.ExceptHandler) and _first_line(node) <= line <= (node.end_lineno or 0)
    ]
    if not any(isinstance(node, ast.FunctionDef) for node in holders):
        return 0, 0
    innermost = holders[-1]  # ast.walk goes from the outside in
    if hasattr(innermost, "body") and not isinstance(innermost, ast.FunctionDef):
        return innermost.lineno, line
    return innermost.lineno, innermost.end_lineno or line


def _first_line(node: ast.stmt | ast.ExceptHandler) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
