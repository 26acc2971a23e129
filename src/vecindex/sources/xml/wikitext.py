"""Wikitext to plain text, by mwparserfromhell.

What stays are the words that a reader sees in the running text: paragraphs, headings (a paragraph of their own), list
items, the terms and the definitions of a definition list, link labels, and of templates those that stand for words,
numbers and units (see `templates`). Of the variants of a language in -{...}- one stays. Left out: other templates,
tables, references, comments, formulas, galleries, files, categories, links to the same article in other languages,
and switches such as __NOTOC__.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from vecindex.sources.xml.templates import what_shows

# Canonical names, understood by every wiki; a dump's header adds the local ones.
HIDDEN_NAMESPACES = frozenset({"file", "image", "media", "category"})

_DROPPED_TAGS = frozenset(
    re.findall(
        r"\w+",
        "ref references table gallery math chem ce score timeline graph hiero imagemap mapframe maplink "
        "templatestyles templatedata style script categorytree inputbox section indicator",
    )
)
_QUOTES = re.compile(r"'{2,5}")
_SWITCH = re.compile(r"__[A-Z]+__")
_BLANKS = re.compile(r"[ \t\u00a0]+")
_LINE_EDGES = re.compile(r" ?\n ?")
_EMPTY_LINES = re.compile(r"\n{3,}")
_EMPTY_BRACKETS = re.compile(r" ?\([\s,;:]*\)")

# The codes of languages that have a wiki have two or three letters, some with more after a hyphen.
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*|simple|tokipona|nostalgia")
_NO_LANGUAGE = frozenset({"doi", "voy", "mw", "wmf", "irc", "rfc", "bug", "tmp"})
_REDIRECT = re.compile(r"\s*[#＃]\s?[^\W\d_]+(?:[ _][^\W\d_]+)?\s*:?\s*\[\[[^\]\n]+\]\]")
_NO_TEXT = re.compile(r"(?:\s|\[\[[^\[\]]*\]\]|\{\{[^{}]*\}\}|<!--.*?-->|__[A-Z]+__)*", re.DOTALL)

_VARIANTS = re.compile(r"-\{(?!\{)((?:(?!-\{|\}-).)*)\}-", re.DOTALL)
_VARIANT = re.compile(r"\s*([a-z]{2,3}(?:-[a-z]+)*)\s*:\s*(.*)", re.DOTALL)
_PREFERRED = ("zh-hans", "zh-cn", "zh", "sr-ec", "kk-cyrl")
_RULES = frozenset("HT-")


def is_redirect(wikitext: str) -> bool:
    """Return whether a page only leads to another one, whatever the language calls it.

    >>> is_redirect("#REDIRECT [[Ribosome]]"), is_redirect("#PATRZ [[Rybosom]] [[Kategoria:X]]")
    (True, True)
    >>> is_redirect("#First [[item]] of a list"), is_redirect("# [[Ribosome]]")
    (False, False)
    """
    found = _REDIRECT.match(wikitext)
    if found is None:
        return False
    return found[0].lstrip().lower().startswith("#redirect") or _NO_TEXT.fullmatch(wikitext, found.end()) is not None


def without_variants(wikitext: str) -> str:
    """Return wikitext with one of the variants of a language in each -{...}-.

    >>> without_variants("a -{zh-hans:计算机; zh-hant:電腦}- b -{c}- -{H|zh-hans:x;zh-hant:y}-d")
    'a 计算机 b c d'
    """
    return _VARIANTS.sub(_variant, wikitext) if "-{" in wikitext else wikitext


def _variant(found: re.Match[str]) -> str:
    flags, bar, rest = found[1].partition("|")
    if not bar or not re.fullmatch(r"[A-Za-z;\s-]*", flags):
        flags, rest = "", found[1]
    if _RULES & set(flags):
        # A rule for the rest of the page, or its title: nothing is shown.
        return ""
    pairs = [pair for part in rest.split(";") if (pair := _VARIANT.fullmatch(part)) is not None]
    variants: dict[str, str] = {pair[1]: pair[2] for pair in pairs}
    if not variants:
        return rest
    return next((variants[code] for code in _PREFERRED if code in variants), next(iter(variants.values()))).strip()


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
            code = self._parser.parse(without_variants(wikitext), skip_style_tags=True)
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
        handlers, pieces = self._handlers, [""]
        for node in code.nodes:
            if type(node) in handlers:
                # A definition begins a line of its own, also where it stands in that of its term.
                if getattr(node, "wiki_markup", None) == ":" and pieces[-1].strip(" \n") and pieces[-1][-1:] != "\n":
                    pieces.append("\n")
                pieces.append(handlers[type(node)](node))
        return "".join(pieces)

    def _link(self, node: Any) -> str:
        target = str(node.title).strip()
        prefix, colon, _ = target.partition(":")
        prefix = prefix.strip().lower()
        if colon and (prefix in self._hidden or (_LANGUAGE.fullmatch(prefix) and prefix not in _NO_LANGUAGE)):
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
        show = what_shows(self._render(node.name).strip())
        # Most are not known, and some hold a page's worth of others.
        return "" if show is None else show({str(a.name).strip(): self._render(a.value).strip() for a in node.params})


def _tidy(text: str) -> str:
    text = _SWITCH.sub("", _QUOTES.sub("", text))
    # What a dropped pronunciation or birth date leaves behind.
    text = _EMPTY_BRACKETS.sub("", text)
    text = _LINE_EDGES.sub("\n", _BLANKS.sub(" ", text))
    return _EMPTY_LINES.sub("\n\n", text).strip()
