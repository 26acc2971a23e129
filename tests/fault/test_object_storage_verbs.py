"""Each command that writes does in object storage what it does in a folder, and does it once."""

from __future__ import annotations

from pathlib import Path

import pytest

from object_storage import Bucket
from vecindex.store.database import Database
from vecindex.store.remote import orphans
from writing import OPERATIONS, contents, same

pytestmark = pytest.mark.usefixtures("known_questions")
# What concerns files of a folder, which nobody repairs or migrates in a bucket.
LOCAL = ("repair", "migrate")
QUICK = ("change", "drop", "update a map", "move a tag")


class Url(str):
    """A database's URL, in place of its folder; `parent` is a folder for what lies next to it."""

    parent: Path

    def __truediv__(self, name: str) -> str:
        return f"{self}/{name}"


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in OPERATIONS if name not in LOCAL],
)
def test_it_does_the_same_there(name: str, bucket: Bucket, tmp_path: Path) -> None:
    there, here = Url(bucket.db), tmp_path / "db"
    there.parent = tmp_path
    here.mkdir()
    for where in (there, here):
        OPERATIONS[name].prepare(where)  # type: ignore[arg-type]
        OPERATIONS[name].run(where)  # type: ignore[arg-type]
    same(contents(there), contents(here))  # type: ignore[arg-type]
    OPERATIONS[name].run(there)  # type: ignore[arg-type]
    same(contents(there), contents(here))  # type: ignore[arg-type]
    database = Database(there)
    for table in database.tables():
        handle = database.connection.open_table(table)
        assert orphans.orphans(handle, f"{database.uri}/{table}") == [], table
