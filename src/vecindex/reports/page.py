"""The frame of every page: one file that asks nobody for anything, with the look and the behavior they share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from vecindex.reports.markup import Markup, joined, tag


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page, with the name that leads to it."""

    id: str
    name: str
    body: Markup


def asset(name: str) -> str:
    """Return a file of `assets/`."""
    return files("vecindex.reports").joinpath("assets", name).read_text(encoding="utf-8")


def page(
    title: str,
    header: Markup,
    sections: Sequence[Section],
    footer: Markup,
    *,
    scripts: Sequence[str] = (),
    data: Sequence[Markup] = (),
    late_data: Sequence[Markup] = (),
    styles: Sequence[str] = (),
    kind: str | None = None,
    links: Sequence[Markup] = (),
    live: bool = False,
) -> str:
    """Return a whole page as text.

    A policy in the page forbids every request, and every script but those named by their digests; so a text from the
    data could not act even if it were not escaped.

    Parameters
    ----------
    scripts : names of assets that run after `page.js`.
    data : what they read, from `markup.json_block`.
    late_data : more of it, which stands behind the scripts: they run before it is there.
    styles : names of assets that follow `page.css`.
    kind : a class of the page's body, which those styles may go by.
    links : what stands behind the sections' names in the bar, to other pages.
    live : the page asks the server that it comes from, and nobody else.
    """
    codes = [asset(name) for name in ("page.js", *scripts)]
    allowed = " ".join(f"'sha256-{_digest(code)}'" for code in codes)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'" + ("; connect-src 'self'" if live else "")
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="generator", content="vecindex"),
        tag("link", rel="icon", href="data:,"),
        tag("title", title),
        joined(Markup(f"<style>\n{asset(name)}</style>") for name in ("page.css", *styles)),
    )
    names = [tag("a", section.name, href=f"#{section.id}") for section in sections]
    top = tag(
        "div",
        tag(
            "div",
            tag("span", "vecindex", class_="brand"),
            tag("nav", *names, *links, aria_label="Sections"),
            tag("button", "Dark theme", type="button", class_="button", id="theme", hidden=True),
            class_="bar",
        ),
        class_="top",
    )
    main = tag(
        "main",
        *(tag("section", tag("h2", s.name), s.body, id=s.id) for s in sections),
    )
    body = tag(
        "body",
        top,
        tag("header", header),
        main,
        tag("footer", footer),
        *data,
        joined(Markup(f"<script>{code}</script>") for code in codes),
        *late_data,
        class_=kind,
    )
    return f'<!doctype html>\n<html lang="en">\n{head}\n{body}\n</html>\n'


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
