"""How `make site` makes a site of the documents: Sphinx on the Markdown of the repository, nothing fetched.

The source folder is the root of the repository, so that a link leads to the same page on the site and in a viewer of
the repository. The navigation is read from the tables of docs/index.md, the reference from the code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

project = "vecindex"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/*.md",
    "docs/adr/*.md",
    "bench/README.md",
    "db/README.md",
    "examples/README.md",
]
# Folders that need not be searched for pages.
exclude_patterns = [".*", ".*/**", "build", "node_modules", "schemas", "src", "tests", "bench/results"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "vecindex"
html_copy_source = False
html_show_copyright = False
add_module_names = False
toc_object_entries = False
# A bare `name` in a docstring is code, as it is in Markdown.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88

_LINK = re.compile(r"^\| \[[^\]]*\]\(([^)]+)\.md\)", re.MULTILINE)
_SECTIONS = {"Attributes", "Notes", "Options", "Parameters", "Raises", "Returns"}
_LISTS = {"Attributes", "Options", "Parameters"}


def setup(app: Any) -> None:
    """Connect what the pages need beyond Markdown."""
    app.connect("source-read", complete)
    app.connect("autodoc-process-docstring", as_markup)
    app.connect("build-finished", write_index)


def complete(app: Any, name: str, source: list[str]) -> None:
    """Add the navigation to the front page, and the reference to its page."""
    if name == root_doc:
        source[0] += "\n" + "\n".join(navigation((ROOT / "docs/index.md").read_text(encoding="utf-8")))
    elif name == "docs/reference":
        source[0] += "\n".join(["\n```{eval-rst}", *reference(), "```\n"])


def navigation(index: str) -> Iterator[str]:
    """Give a hidden table of contents for each section of the index, with the pages in the order of its table."""
    for number, section in enumerate(re.split(r"^## ", index, flags=re.MULTILINE)[1:]):
        yield from ["```{toctree}", ":hidden:", f":caption: {section.splitlines()[0]}", ""]
        yield from ["docs/index"] if number == 0 else []
        yield from (resolved(target) for target in _LINK.findall(section))
        yield "```"


def resolved(target: str) -> str:
    """Return a page that docs/index.md links to, from the root; both without their ending."""
    return target.removeprefix("../") if target.startswith("../") else f"docs/{target}"


def reference() -> Iterator[str]:
    """Give the directives of the reference: `open`, `Index`, what its methods return, and the errors."""
    import vecindex
    from vecindex import errors

    yield from [".. currentmodule:: vecindex", "", ".. autofunction:: vecindex.open", ""]
    yield from [".. autoclass:: vecindex.Index", "   :members:", "   :inherited-members:", ""]
    yield from [".. autoclass:: vecindex.Stop", "   :members:", ""]
    yield from heading("Results")
    for found in results(vecindex.Index):
        yield from [
            f".. autoclass:: {found.__module__}.{found.__qualname__}",
            "   :members:",
            "   :undoc-members:",
            "",
        ]
    yield from heading("Errors")
    for error in errors_below(errors.VecindexError):
        if error.__module__ == errors.__name__:
            yield from [f".. autoexception:: vecindex.errors.{error.__name__}", "   :show-inheritance:", ""]


def heading(title: str) -> list[str]:
    """Return a heading of the second level."""
    return [title, "-" * len(title), ""]


def results(index: type) -> list[type]:
    """Return what the public methods of a class return, and the project's own types in its fields, in that order."""
    found: dict[type, None] = {}

    def visit(kind: Any) -> None:
        for inner in typing.get_args(kind):
            visit(inner)
        if isinstance(kind, type) and kind.__module__.startswith("vecindex") and kind not in found and kind != index:
            found[kind] = None
            if dataclasses.is_dataclass(kind):
                for field in hints(kind).values():
                    visit(field)

    for base in index.__mro__:
        for name, method in vars(base).items():
            if not name.startswith("_") and callable(method):
                visit(hints(method).get("return"))
    return list(found)


def hints(thing: Any) -> dict[str, Any]:
    """Return the annotations of a class or function, also those whose names are imported for type checkers alone."""
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[thing.__module__]))):
        if guarded(node):
            exec(compile(ast.Module(node.body, []), thing.__module__, "exec"), names)
    return typing.get_type_hints(thing, localns=names)


def guarded(node: ast.AST) -> TypeGuard[ast.If]:
    """Return whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def errors_below(kind: type) -> Iterator[type]:
    """Give an error and all that derive from it, as the tree is drawn."""
    yield kind
    for child in kind.__subclasses__():
        yield from errors_below(child)


def as_markup(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Make a docstring's sections of `name : text` into lists, and its other text safe for reStructuredText."""
    made: list[str] = []
    section = ""
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line in _SECTIONS and re.fullmatch("-+", following):
            section = line
            made += [f"**{line}**", ""]
        elif re.fullmatch("-+", line):
            continue
        elif section in _LISTS and re.match(r"\S+.* : ", line):
            names, text = line.split(" : ", 1)
            made.append(f"- **{safe(names)}**: {safe(text)}")
        elif section and line.startswith("    "):
            made.append(f"  {safe(line.strip())}" if section in _LISTS else safe(line.strip()))
        else:
            made.append(line if line.lstrip().startswith(">>>") else safe(line))
    lines[:] = made


def safe(text: str) -> str:
    """Return text in which only backticks are markup."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*|\\]|_\b)", r"\\\1", part) for part in parts)


def write_index(app: Any, fault: Exception | None) -> None:
    """Lead from the folder to the front page."""
    if fault is None and app.builder.format == "html":
        page = '<!doctype html><title>vecindex</title><meta http-equiv="refresh" content="0; url=README.html">\n'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")
