"""The pages that the server has of its own: the live map, and the report while it is being made."""

from __future__ import annotations

from vecindex.config import VERSION
from vecindex.reports.map_view import SCRIPTS, STYLES, map_view
from vecindex.reports.markup import Markup, given, joined, json_block, tag
from vecindex.reports.page import Section, page
from vecindex.serve.live import Served
from vecindex.serve.report_job import ReportJob

HOME = "/"
DOCS = "/api/docs"
REPORT = "/overlap"


def live_page(served: Served) -> str:
    """Return the page of the live table. What it shows is asked of the API."""
    return page(
        f"{served.table} of {served.uri}",
        tag("h1", given(served.table)),
        [Section("map", "Map", _body())],
        _footer(),
        scripts=(*SCRIPTS, "serve.js"),
        styles=(*STYLES, "serve.css"),
        data=[json_block({"questions": served.questions_name, "map": served.map}, "served")],
        kind="map-page serve-page",
        links=[tag("a", "Overlap report", href=REPORT), tag("a", "API", href=DOCS)],
        live=True,
    )


def _body() -> Markup:
    return tag(
        "div",
        tag(
            "div",
            _ask(),
            _narrow(),
            tag(
                "div",
                tag("p", id="ask-told", class_="told", role="status"),
                tag("p", tag("span", "Reading the table …", id="state-line"), id="state", class_="quiet"),
                class_="below small",
            ),
            tag(
                "div",
                tag("p", id="where-told", class_="told", role="status"),
                tag(
                    "label",
                    tag("input", type="checkbox", id="among"),
                    " Ask only among these",
                    id="among-box",
                    hidden=True,
                ),
                class_="below small",
            ),
            tag(
                "div",
                tag("p", id="banner-text"),
                tag("button", "Reload", type="button", class_="button", id="reload", hidden=True),
                id="banner",
                class_="banner",
                role="alert",
                hidden=True,
            ),
            class_="asking",
        ),
        tag("div", map_view(), class_="live-map"),
        tag(
            "aside",
            tag("div", id="article", class_="article-panel", hidden=True),
            tag("div", id="answer", class_="answer", aria_live="polite"),
            tag(
                "details",
                tag("summary", "Asked so far"),
                tag("ol", id="history", class_="history"),
                id="history-box",
                hidden=True,
            ),
            aria_label="Answer",
        ),
        class_="live",
    )


def _ask() -> Markup:
    return tag(
        "form",
        tag("label", "Ask a question", for_="question"),
        tag(
            "div",
            tag(
                "input",
                type="search",
                id="question",
                maxlength="8000",
                autocomplete="off",
                placeholder="how do cells make energy",
                enterkeyhint="search",
            ),
            tag("button", "Ask", type="submit", class_="button strong", id="ask-button"),
            class_="line",
        ),
        id="ask",
    )


def _narrow() -> Markup:
    return tag(
        "form",
        tag("label", "Show only articles where", for_="where"),
        tag(
            "div",
            tag("input", type="search", id="where", maxlength="4000", autocomplete="off", spellcheck="false"),
            tag("button", "Filter", type="submit", class_="button"),
            class_="line",
        ),
        id="narrow",
    )


def _footer() -> Markup:
    return tag("p", f"vecindex {VERSION} on this machine. Nothing is sent elsewhere, and the table is only read.")


def report_page(served: Served, job: ReportJob) -> str:
    """Return the report on the questions' overlap; until it is ready, a page that waits for it."""
    told = job.report()
    html = job.html()
    if told.state == "ready" and html is not None:
        return html
    if served.questions is None:
        body = joined(
            [
                tag("p", "The report measures a file of questions, and the server was started without one."),
                tag("p", tag("code", "vecindex serve --questions FILE")),
            ]
        )
    elif told.state == "failed":
        body = tag(
            "div",
            tag("p", "The report on ", given(served.questions_name), " could not be made."),
            tag("p", given(" ".join(filter(None, (told.error, told.next)))), role="alert"),
            tag("p", "Reload this page to try again.", class_="quiet"),
        )
    else:
        body = tag(
            "div",
            tag(
                "p", "The report on ", given(served.questions_name), " is being made. It opens here when it is ready."
            ),
            tag("p", tag("span", told.stage or "", id="stage"), class_="quiet", role="status"),
            tag("p", id="failed", role="alert", hidden=True),
        )
    return page(
        f"Overlap of {served.table}",
        joined([tag("h1", "Overlap report")]),
        [Section("report", "Report", body)],
        _footer(),
        scripts=("serve_report.js",) if told.state in ("working", "ready") else (),
        styles=("serve.css",),
        kind="serve-page",
        links=[tag("a", "Live map", href=HOME), tag("a", "API", href=DOCS)],
        live=True,
    )
