"""How a comparison of models looks: which to take, why, and what the sample cannot show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import out, prose, table

if TYPE_CHECKING:
    from vecindex.verbs.bench_models.result import BenchModelsResult


def print_bench_models(result: BenchModelsResult) -> None:
    """Print the recommendation first, then what it rests on."""
    prose(f"take {result.recommended}")
    for reason in result.reasons:
        prose(reason, "- ", 2)
    out()
    head = ["model", str(result.compared.measure), "values", "texts a second", "table"]
    rows = [
        [
            one.name,
            f"{one.mean:.3f}",
            f"{one.dimension:,}",
            "-" if one.texts_per_s is None else f"{one.texts_per_s:.1f}",
            one.table,
        ]
        for one in result.models
    ]
    table([head, *rows])
    out("\nwhat this cannot show")
    for limit in result.limits:
        prose(limit, "- ", 2)
