"""The server's own pages: the live map, and the report while it is being made."""

from __future__ import annotations

from vecindex.config import VERSION
from vecindex.reports.map.page import map_section
from vecindex.reports.page import Section, page, rendered
from vecindex.serve.live import Served
from vecindex.serve.report_job import ReportJob

HOME = ("Live map", "/")
REPORT = ("Overlap report", "/overlap")
DOCS = ("API", "/api/docs")


def live_page(served: Served) -> str:
    """Return the page of the live table. Its script requests everything it shows from the API."""
    return page(
        "serve_live.html",
        script="serve",
        style="serve",
        sections=[Section("map", "Map", rendered("serve_live_map.html", map=map_section().body))],
        kind="map-page serve-page",
        links=[REPORT, DOCS],
        live=True,
        served=served,
        version=VERSION,
    )


def report_page(served: Served, job: ReportJob) -> str:
    """Return the report on the questions' overlap; until it is ready, a page that waits for it."""
    report, html = job.report(), job.html()
    if report.state == "ready" and html is not None:
        return html
    waiting = report.state in ("working", "ready")
    return page(
        "serve_report.html",
        script="report" if waiting else "page",
        style="serve",
        sections=[Section("report", "Report", rendered("serve_report_state.html", served=served, report=report))],
        kind="serve-page",
        links=[HOME, DOCS],
        live=True,
        served=served,
        version=VERSION,
    )
