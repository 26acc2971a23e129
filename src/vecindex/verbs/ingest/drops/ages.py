"""The ages of rows as a table has them."""

from __future__ import annotations

from collections.abc import Sequence

from vecindex.store.deleted import DeletedRows
from vecindex.verbs.ingest.drops.drop import Drop
from vecindex.verbs.ingest.drops.order import Order, from_json, order_of
from vecindex.verbs.ingest.run import Run


def drop_of(run: Run) -> Drop | None:
    """Return what decides which rows of a run stand; None where nothing orders them and none says it is deleted."""
    newer, deleted = run.options["newer"], run.options["deleted_field"]
    if newer is None and deleted is None:
        return None
    gone = DeletedRows(run.database, run.name, run.observer.notice)
    return Drop(
        newer,
        deleted,
        lambda ids: _stored(run, ids),
        lambda ids: {row_id: from_json(age) for row_id, age in gone.of(ids).items()},
    )


def _stored(run: Run, ids: Sequence[str]) -> dict[str, Order]:
    """Return the ages of the rows of some ids that the table has."""
    newer, table = run.options["newer"], run.table
    column = None if newer is None else run.columns.find(newer)
    if column is None or table is None or not ids or column.name not in table.schema.names:
        return {}
    key = "article_id" if run.choice.chunking else "id"
    rows = table.rows_by_id(ids, [key, column.name], key=key).to_pylist()
    return {row[key]: order for row in rows if (order := order_of(row[column.name])) is not None}
