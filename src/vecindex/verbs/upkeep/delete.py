"""Removal of articles, with all their chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from vecindex.core.conditions import isin
from vecindex.core.identity import id_as_written
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import check_condition
from vecindex.verbs.ids import some_ids
from vecindex.verbs.upkeep.options import DeleteOptions

_IDS_PER_SCAN = 1_000


@dataclass(frozen=True, slots=True)
class DeleteReport(Result):
    """What a deletion removed, or would remove.

    Attributes
    ----------
    articles, rows : matched; rows are more than articles where articles are in chunks.
    not_found : ids asked for that the table does not have.
    deleted : rows removed; 0 after a dry run or a refusal.
    rows_in_table : rows left.
    no_longer : articles that met the condition when they were counted, but no longer under the lock, and stay.
    """

    table: str
    articles: int
    rows: int
    not_found: tuple[str, ...]
    deleted: int
    dry_run: bool
    rows_in_table: int
    no_longer: int = 0


def delete(
    database: Database,
    name: str,
    ids: Sequence[str],
    options: DeleteOptions,
    confirm: Callable[[DeleteReport], bool] | None = None,
    stdin: BinaryIO | None = None,
) -> DeleteReport:
    """Remove articles; see `Index.delete`."""
    options = checked(DeleteOptions, options)
    where, file, dry_run = options["where"], options["file"], options["dry_run"]
    if where is not None and (ids or file is not None):
        raise ConfigError(
            text("Give ids or ", option("where"), ", not both."),
            text("Put the ids into the condition: ", option("where", Placeholder("\"id IN ('a', 'b')\""))),
        )
    wanted = list(dict.fromkeys([*ids, *(some_ids(str(file), stdin) if file is not None else [])]))
    if where is None and not wanted:
        raise ConfigError(
            "No articles to delete are named.",
            text("Give ids, ", option("file"), " or ", option("where"), "; try it with ", option("dry_run", True)),
        )
    table = database.articles(name)
    key = "article_id" if table.fingerprint.chunking else "id"
    if where is not None:
        check_condition(table, where)
        found, rows = _articles_where(table, key, where)
    else:
        found, rows = _articles_there(table, key, wanted)
        # An id that cannot be seen may come as it was printed.
        meant = {i: read for i in wanted if i not in found and (read := id_as_written(i)) is not None}
        more, more_rows = _articles_there(table, key, [i for i in meant.values() if i not in found])
        found, rows = found | more, rows + more_rows
        wanted = [meant.get(i, i) if meant.get(i) in found else i for i in wanted]
    missing = tuple(i for i in wanted if i not in found)
    plan = DeleteReport(name, len(found), rows, missing, 0, dry_run, table.count())
    if dry_run or not found or (confirm is not None and not confirm(plan)):
        return plan
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    with database.writer():
        table.follow()
        # By id, so that nothing is removed but what `confirm` was shown, and of that what still meets the condition,
        # whatever was written since.
        still = found if where is None else _articles_where(table, key, where)[0]
        gone = [i for i in found if i in still]
        deleted = table.delete_ids(gone, key)
    return replace(plan, deleted=deleted, rows_in_table=table.count(), no_longer=len(found) - len(gone))


def _articles_where(table: ArticleTable, key: str, where: str) -> tuple[dict[str, None], int]:
    """Return the articles of which a row meets the condition, and how many rows they have."""
    found = dict.fromkeys(i for batch in table.scan_where([key], where) for i in batch.column(0).to_pylist())
    if key == "id":
        return found, len(found)
    return _articles_there(table, key, list(found))


def _articles_there(table: ArticleTable, key: str, wanted: Sequence[str]) -> tuple[dict[str, None], int]:
    found: dict[str, None] = {}
    rows = 0
    for at in range(0, len(wanted), _IDS_PER_SCAN):
        for batch in table.scan([key], isin(key, wanted[at : at + _IDS_PER_SCAN])):
            rows += len(batch)
            found.update(dict.fromkeys(batch.column(0).to_pylist()))
    return found, rows
