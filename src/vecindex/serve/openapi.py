"""The API's description in the form of OpenAPI 3.1, from the table of operations."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vecindex.config import VERSION
from vecindex.serve.answers import REASONS
from vecindex.serve.models import Failure
from vecindex.serve.operations import OPERATIONS, Operation

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"{(\w+)}")
_PARTS = {
    "name": "Name of a map.",
    "section": "Name of a section, as the header has it.",
    "id": "Id of an article, encoded for an address: a slash is %2F.",
}
ALWAYS = (403, 404, 405, 422, 500, 503)
"""Statuses that every address may end with."""


@cache
def openapi() -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    answers = {op.answer for op in OPERATIONS if not isinstance(op.answer, str)}
    bodies = {op.asked for op in OPERATIONS if op.asked is not None and op.method == "POST"}
    models: set[type[BaseModel]] = {Failure, *answers, *bodies}
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vecindex",
            "version": VERSION,
            "description": "A table of articles, its maps, and questions asked of it. Only annotate changes the "
            "table, on a server that was started for it. A request must name the server by the host and the port "
            "that it printed.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas["$defs"].items()))},
    }


def _described(operation: Operation) -> dict[str, Any]:
    of_body = (400, 408, 413, 415) if operation.method == "POST" else ()
    if isinstance(operation.answer, str):
        answer = {operation.answer: {"schema": {"type": "object"} if operation.answer == "application/json" else {}}}
    else:
        answer = {"application/json": {"schema": _schema(operation.answer)}}
    failures = {
        str(status): {
            "description": REASONS[status],
            "content": {"application/json": {"schema": _schema(Failure)}},
        }
        for status in sorted({*ALWAYS, *operation.errors, *of_body})
    }
    found: dict[str, Any] = {
        "operationId": operation.run.__name__,
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": {"type": "string"}}
            for name in _PART.findall(operation.path)
        ],
        "responses": {"200": {"description": "The answer.", "content": answer}, **failures},
    }
    if operation.asked is None:
        return found
    if operation.method == "POST":
        content = {"application/json": {"schema": _schema(operation.asked)}}
        return {**found, "requestBody": {"required": True, "content": content}}
    schema = operation.asked.model_json_schema()
    for name, about in schema["properties"].items():
        rest = {key: value for key, value in about.items() if key not in ("description", "title")}
        given = {"description": about["description"]} if "description" in about else {}
        is_required = name in schema.get("required", ())
        found["parameters"].append({"name": name, "in": "query", "required": is_required, **given, "schema": rest})
    return found


def _schema(model: type[BaseModel]) -> dict[str, str]:
    """Return what refers to a model's schema."""
    return {"$ref": _REF.format(model=model.__name__)}
