"""The frame of every page: one file that requests nothing, made from a template and the page's assets."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from vecindex.reports.figures import FILTERS
from vecindex.reports.markup import Markup, escaped, given


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page; the bar at the top links to it by its name. A folded one shows no more until it is opened."""

    id: str
    name: str
    body: Markup
    folded: bool = False


@cache
def asset(name: str) -> Markup:
    """Return a bundle of `assets/bundles/`; `make assets` writes them."""
    path = files("vecindex.reports").joinpath("assets", "bundles", name)
    return Markup(path.read_text(encoding="utf-8").rstrip("\n"))


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader("vecindex.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every value is cleaned of characters that HTML cannot hold; None is nothing.
        finalize=lambda value: escaped("" if value is None else value),
    )
    found.filters |= {"given": given, **FILTERS}
    return found


def rendered(template: str, **values: Any) -> Markup:
    """Return a template of `templates/` with its values, each escaped unless it is Markup.

    Raises jinja2.UndefinedError for a value that the template needs and does not get.
    """
    return Markup(_templates().get_template(template).render(values))


def page(
    template: str,
    *,
    script: str = "page",
    style: str = "page",
    sections: Sequence[Section] = (),
    links: Sequence[tuple[str, str]] = (),
    data: Sequence[Markup] = (),
    late_data: Sequence[Markup] = (),
    kind: str | None = None,
    live: bool = False,
    **values: Any,
) -> str:
    """Return a whole page as text.

    A policy in the page forbids every request, and every script but the page's own, named by its digest: a text from
    the data could not run even if it were not escaped.

    Parameters
    ----------
    template : one that extends `page.html`; `values` are its own.
    script, style : names of bundles.
    links : (name, href) of other pages, shown in the bar after the sections.
    data : JSON for the script, from `markup.json_block`.
    late_data : more of it, placed after the script, which runs before this is read.
    kind : CSS classes of the page's body.
    live : the script may request the server that the page comes from.
    """
    code = asset(f"{script}.js")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest(code)}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'" + ("; connect-src 'self'" if live else "")
    )
    return rendered(
        template,
        policy=Markup(policy),
        style=asset(f"{style}.css"),
        code=code,
        sections=sections,
        links=links,
        data=data,
        late_data=late_data,
        kind=kind,
        **values,
    )


def _digest(code: str) -> str:
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
