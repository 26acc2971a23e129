"""The server's own pages: the live map, the report while it is being made, and the documentation of the API."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from vecindex.config import VERSION
from vecindex.reports.map.page import map_section
from vecindex.reports.markup import Markup, joined, tag
from vecindex.reports.page import Section, page, rendered
from vecindex.serve.openapi import openapi
from vecindex.serve.report_job import ReportJob
from vecindex.serve.table.served import Served

HOME = ("Live map", "/")
REPORT = ("Overlap report", "/overlap")
DOCS = ("API", "/api/docs")
_EXAMPLES = {
    "question": '{"text": "how do cells make energy", "k": 5}',
    "search": '{"text": "how do cells make energy", "k": 3, "where": "n_tokens < 200"}',
    "lens": '{"text": "how do cells make energy"}',
    "filter": '{"map": "map", "where": "n_tokens < 200"}',
}
_LIMITS = {"minimum": "at least {:,}", "maximum": "at most {:,}", "maxLength": "at most {:,} characters"}

Field = tuple[str, Markup, str]


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


@cache
def docs_page() -> str:
    """Return the documentation of the API, made from its OpenAPI description."""
    api = openapi()
    schemas = api["components"]["schemas"]
    operations = [
        _operation(schemas, path, method, op) for path, ops in api["paths"].items() for method, op in ops.items()
    ]
    # Values of requests and answers are shown with their operation.
    shown = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(api["paths"])))
    values = [
        {"name": name, "description": schemas[name].get("description"), "fields": _fields(schemas[name])}
        for name in sorted(set(schemas) - shown)
    ]
    return page(
        "serve_docs.html",
        style="serve",
        sections=[
            Section("operations", "Addresses", rendered("serve_docs_operations.html", operations=operations)),
            Section("values", "Values", rendered("serve_docs_values.html", values=values)),
        ],
        kind="serve-page api-page",
        links=[HOME, REPORT],
        api=api,
        operations=operations,
    )


def _operation(schemas: dict[str, Any], path: str, method: str, op: dict[str, Any]) -> dict[str, Any]:
    body = op.get("requestBody")
    ((media, answer),) = op["responses"]["200"]["content"].items()
    example = _EXAMPLES.get(op["operationId"])
    return {
        "id": op["operationId"],
        "name": f"{method.upper()} {path}",
        "summary": op["summary"],
        "parameters": [(p["name"], _kind(p["schema"]), p.get("description", "")) for p in op["parameters"]],
        "body": _fields(schemas[_name(body["content"]["application/json"]["schema"])]) if body else [],
        "example": f"curl -s -H 'Content-Type: application/json' -d '{example}' http://127.0.0.1:PORT{path}",
        "media": media,
        "answer": _fields(schemas[_name(answer["schema"])]) if "$ref" in answer["schema"] else [],
        "errors": [(status, r["description"]) for status, r in op["responses"].items() if status != "200"],
    }


def _name(reference: dict[str, str]) -> str:
    return reference["$ref"].rsplit("/", 1)[-1]


def _fields(schema: dict[str, Any]) -> list[Field]:
    return [(name, _kind(value), value.get("description", "")) for name, value in schema["properties"].items()]


def _kind(schema: dict[str, Any]) -> Markup:
    """Return the kind of a value, for readers."""
    if "$ref" in schema:
        return tag("a", _name(schema), href=f"#value-{_name(schema)}")
    if "anyOf" in schema:
        return Markup(" or ".join(_kind(option) for option in schema["anyOf"]))
    if "enum" in schema:
        return joined([" or ".join(json.dumps(value) for value in schema["enum"])])
    if schema.get("type") == "array":
        return joined(["list of ", _kind(schema.get("items", {}))])
    limits = [form.format(schema[key]) for key, form in _LIMITS.items() if key in schema]
    default = f" (default {json.dumps(schema['default'])})" if schema.get("default") is not None else ""
    return joined([str(schema.get("type", "any value")), f", {', '.join(limits)}" if limits else None, default])
