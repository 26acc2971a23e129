"""Wikitext to plain text: the words a reader sees in the running text.

Kept: paragraphs, headings (a paragraph of their own), list items, link labels, the words of {{lang}},
{{nowrap}} and {{convert}}. Left out: other templates, tables, references, comments, formulas, galleries,
files, categories, and switches such as __NOTOC__.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

# Canonical names, understood by every wiki; a dump's header adds the local ones.
HIDDEN_NAMESPACES = frozenset({"file", "image", "media", "category"})

_DROPPED_TAGS = frozenset(
    re.findall(
        r"\w+",
        "ref references table gallery math chem ce score timeline graph hiero imagemap mapframe maplink "
        "templatestyles templatedata style script categorytree inputbox section indicator",
    )
)
_KEPT_ARGUMENTS = {"lang": ("2",), "nowrap": ("1",), "convert": ("1", "2"), "cvt": ("1", "2")}
_QUOTES = re.compile(r"'{2,5}")
_SWITCH = re.compile(r"__[A-Z]+__")
_BLANKS = re.compile(r"[ \t\u00a0]+")
_LINE_EDGES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_EMPTY_BRACKETS = re.compile(r" ?\([\s,;:]*\)")


class WikitextError(Exception):
    """The parser gave up on a page."""


class PlainText:
    """Turns wikitext into plain text, by mwparserfromhell."""

    def __init__(self) -> None:
        import mwparserfromhell

        nodes = mwparserfromhell.nodes
        self._parser = mwparserfromhell
        self._hidden = set(HIDDEN_NAMESPACES)
        self._handlers: dict[type, Callable[[Any], str]] = {
            nodes.Text: lambda node: str(node.value),
            nodes.HTMLEntity: lambda node: str(node.normalize()),
            nodes.Heading: lambda node: f"\n\n{self._render(node.title).strip()}\n\n",
            nodes.Wikilink: self._link,
            nodes.ExternalLink: lambda node: self._render(node.title) if node.title else "",
            nodes.Tag: self._tag,
            nodes.Template: self._template,
            nodes.Argument: lambda node: self._render(node.default) if node.default else "",
        }

    def hide_namespace(self, name: str) -> None:
        """Leave out links into this namespace: a wiki's own name for files or categories."""
        self._hidden.add(name.strip().lower())

    def __call__(self, wikitext: str) -> str:
        """Return the plain text. Raises WikitextError when the wikitext cannot be parsed."""
        try:
            # Bold and italics are taken off afterwards: often unbalanced, and what costs most to parse.
            code = self._parser.parse(wikitext, skip_style_tags=True)
            text = self._render(code)
        except (
            self._parser.parser.ParserError,
            RecursionError,
            ValueError,
            IndexError,
            SystemError,
        ) as error:
            raise WikitextError(f"{type(error).__name__}: {error}") from error
        return _tidy(text)

    def _render(self, code: Any) -> str:
        handlers = self._handlers
        return "".join([handlers[type(node)](node) for node in code.nodes if type(node) in handlers])

    def _link(self, node: Any) -> str:
        target = str(node.title).strip()
        prefix, colon, _ = target.partition(":")
        if colon and prefix.strip().lower() in self._hidden:
            return ""
        # [[:Category:Birds]] is a link to the category and is shown.
        return self._render(node.text) if node.text is not None else target.removeprefix(":")

    def _tag(self, node: Any) -> str:
        name = str(node.tag).strip().lower()
        if name == "br":
            return "\n"
        if name in _DROPPED_TAGS or node.contents is None:
            return ""
        return self._render(node.contents)

    def _template(self, node: Any) -> str:
        kept = _KEPT_ARGUMENTS.get(str(node.name).strip().lower(), ())
        return " ".join(self._render(node.get(key).value).strip() for key in kept if node.has(key))


def _tidy(text: str) -> str:
    text = _SWITCH.sub("", _QUOTES.sub("", text))
    # What a dropped pronunciation or birth date leaves behind.
    text = _EMPTY_BRACKETS.sub("", text)
    text = _LINE_EDGES.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()
