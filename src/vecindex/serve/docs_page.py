"""The API's documents as a page, from its description; nothing is fetched for it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from vecindex.reports.markup import Markup, joined, tag
from vecindex.reports.page import Section, page
from vecindex.serve.openapi import openapi

_EXAMPLES = {
    "question": '{"text": "how do cells make energy", "k": 5}',
    "search": '{"text": "how do cells make energy", "k": 3, "where": "n_tokens < 200"}',
    "filter": '{"map": "map", "where": "n_tokens < 200"}',
}


@cache
def docs_page() -> str:
    """Return the page."""
    told = openapi()
    sections = [
        _operation(told, path, method, op) for path, ops in told["paths"].items() for method, op in ops.items()
    ]
    intro = joined(
        [
            tag("h1", "API of vecindex serve"),
            tag("p", told["info"]["description"]),
            tag(
                "p",
                "The same for programs: ",
                tag("a", "openapi.json", href="/api/openapi.json"),
                f" (OpenAPI {told['openapi']}). An error is answered as ",
                tag("code", '{"error": "...", "next": "..."}'),
                ".",
            ),
            tag(
                "ul",
                *(tag("li", tag("a", tag("code", s.name), href=f"#{s.id}")) for s in sections),
                class_="api-list",
            ),
        ]
    )
    return page(
        "API of vecindex serve",
        intro,
        [Section("operations", "Addresses", joined(_titled(section) for section in sections)), _values(told)],
        tag("p", f"vecindex {told['info']['version']}"),
        styles=("serve.css",),
        kind="serve-page api-page",
        links=[tag("a", "Live map", href="/"), tag("a", "Overlap report", href="/overlap")],
    )


def _titled(section: Section) -> Markup:
    return tag("article", tag("h3", tag("code", section.name)), section.body, id=section.id, class_="operation")


def _operation(told: dict[str, Any], path: str, method: str, op: dict[str, Any]) -> Section:
    parts: list[object] = [tag("p", op["summary"])]
    if op["parameters"]:
        rows = [(p["name"], _kind(p["schema"]), p.get("description", "")) for p in op["parameters"]]
        parts.append(_table("Takes", rows))
    body = op.get("requestBody")
    if body:
        parts.append(_table("Takes, as JSON", _fields(told, body["content"]["application/json"]["schema"])))
        example = _EXAMPLES[op["operationId"]]
        curl = f"curl -s -H 'Content-Type: application/json' -d '{example}' http://127.0.0.1:PORT{path}"
        parts.append(tag("p", tag("code", curl), class_="example"))
    (kind, answer) = next(iter(op["responses"]["200"]["content"].items()))
    if "$ref" in answer["schema"]:
        parts.append(_table("Gives", _fields(told, answer["schema"])))
    else:
        parts.append(tag("p", "Gives ", tag("code", kind), "."))
    errors = [(status, r["description"]) for status, r in op["responses"].items() if status != "200"]
    listed = [tag("li", tag("code", status), f": {reason}") for status, reason in errors]
    parts.append(tag("details", tag("summary", "Errors"), tag("ul", *listed)))
    return Section(op["operationId"], f"{method.upper()} {path}", joined(parts))


def _values(told: dict[str, Any]) -> Section:
    used = {name for op in _all(told) for name in _refs(op)}
    inner = sorted(set(told["components"]["schemas"]) - used)
    parts = []
    for name in inner:
        schema = told["components"]["schemas"][name]
        parts.append(
            tag(
                "article",
                tag("h3", tag("code", name)),
                tag("p", schema.get("description", "")),
                _table("Holds", _fields(told, {"$ref": f"#/{name}"})),
                id=f"value-{name}",
            )
        )
    return Section("values", "Values", joined(parts))


def _all(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [op for ops in told["paths"].values() for op in ops.values()]


def _refs(op: dict[str, Any]) -> list[str]:
    return re.findall(r'"#/components/schemas/(\w+)"', json.dumps(op))


def _fields(told: dict[str, Any], schema: dict[str, Any]) -> list[tuple[str, object, str]]:
    found = told["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return [(name, _kind(value), value.get("description", "")) for name, value in found["properties"].items()]


def _kind(schema: dict[str, Any]) -> Markup:
    """Return the kind of a value as a reader reads it."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return tag("a", name, href=f"#value-{name}")
    if "anyOf" in schema:
        options = [_kind(option) for option in schema["anyOf"]]
        return joined(x for i, option in enumerate(options) for x in ((" or " if i else None), option))
    if "enum" in schema:
        return joined([" or ".join(json.dumps(value) for value in schema["enum"])])
    if schema.get("type") == "array":
        return joined(["list of ", _kind(schema.get("items", {}))])
    limits = [form.format(schema[key]) for key, form in _LIMITS.items() if key in schema]
    default = f" (default {json.dumps(schema['default'])})" if schema.get("default") is not None else ""
    return joined([str(schema.get("type", "any value")), f", {', '.join(limits)}" if limits else None, default])


_LIMITS = {"minimum": "at least {:,}", "maximum": "at most {:,}", "maxLength": "at most {:,} signs"}


def _table(caption: str, rows: Sequence[tuple[str, object, str]]) -> Markup:
    body = [
        tag("tr", tag("th", tag("code", name), scope="row"), tag("td", kind), tag("td", note))
        for name, kind, note in rows
    ]
    return tag(
        "div",
        tag("table", tag("caption", caption), tag("tbody", *body)),
        class_="scroll",
    )
