"""The API's description in the form of OpenAPI 3.1, from the table of operations."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from pydantic import BaseModel

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
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vecindex",
            "version": VERSION,
            "description": "A table of articles, its maps, and questions asked of it. Nothing here changes the "
            "table. A request must name the server by the host and the port that it printed.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def errors_of(operation: Operation) -> list[int]:
    """Return the statuses that an address may end with, besides 200."""
    of_body = (400, 413, 415) if operation.body is not None else ()
    return sorted({*ALWAYS, *operation.errors, *of_body})


def _described(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    failures = {
        str(status): {
            "description": REASONS[status],
            "content": {"application/json": {"schema": _schema(Failure, schemas)}},
        }
        for status in errors_of(operation)
    }
    found: dict[str, Any] = {
        "operationId": operation.run.__name__.lstrip("_"),
        "summary": operation.summary,
        "parameters": [*_in_path(operation), *_in_query(operation)],
        "responses": {"200": {"description": "The answer.", "content": _answer(operation, schemas)}, **failures},
    }
    if operation.body is not None:
        schema = _schema(operation.body, schemas)
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return found


def _answer(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(operation.answer, str):
        return {"application/json": {"schema": _schema(operation.answer, schemas)}}
    is_json = operation.answer == "application/json"
    return {operation.answer: {"schema": {"type": "object"} if is_json else {}}}


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": {"type": "string"}}
        for name in _PART.findall(operation.path)
    ]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    found = []
    for name, about in schema["properties"].items():
        rest = {key: value for key, value in about.items() if key not in ("description", "title")}
        given = {"description": about["description"]} if "description" in about else {}
        is_required = name in schema.get("required", ())
        found.append({"name": name, "in": "query", "required": is_required, **given, "schema": rest})
    return found


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put a model's schema, and those it needs, among `schemas`; return what refers to it."""
    made = model.model_json_schema(ref_template=_REF, mode="serialization")
    schemas |= made.pop("$defs", {})
    schemas[model.__name__] = made
    return {"$ref": _REF.format(model=model.__name__)}
