"""The frame of pages: what its policy allows, and how templates insert values."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from pages import HOSTILE, Page
from vecindex.reports.markup import Markup, clean
from vecindex.reports.page import Section, asset, page, rendered

API = {"openapi": None, "info": {"description": "", "version": "1"}}
CAUSE = {"cause": "hubs", "summary": "", "because": {}, "confidence": "low", "experiment": "", "remedy": ""}


def test_the_policy_allows_the_page_s_own_script_alone() -> None:
    html = page("serve_docs.html", operations=[], api=API)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (code,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert code == asset("page.js")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert dict(part.split(" ", 1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_a_live_page_may_request_its_own_server() -> None:
    assert "; connect-src 'self'\"" in page("serve_docs.html", live=True, operations=[], api=API)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_template_escapes_every_text(text: str) -> None:
    found, plain = (
        Page(rendered("causes.html", causes=[{**CAUSE, "summary": one, "confidence": one}], maps=[], ranked=None))
        for one in (text, "plain")
    )
    assert [name for name, _ in found.tags] == [name for name, _ in plain.tags]
    assert found.text.count(clean(text)) == 2


def test_markup_in_a_template_is_not_escaped_and_none_is_nothing() -> None:
    sections = [Section("one", "<One>", Markup("<p>kept</p>"))]
    html = page("serve_docs.html", sections=sections, links=[("Map", "/?a=1&b=2")], operations=[], api=API)
    assert '<section id="one"><h2>&lt;One&gt;</h2><p>kept</p></section>' in html
    assert '<a href="#one">&lt;One&gt;</a>' in html
    assert '<a href="/?a=1&amp;b=2">Map</a>' in html
    assert "(OpenAPI )" in html


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'causes' is undefined"):
        rendered("causes.html", maps=[], ranked=None)
