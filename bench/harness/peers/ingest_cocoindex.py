"""cocoindex: a component for each row, its embedder memoized, rows declared in a LanceDB table."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import rows

if sys.argv[1] == "run":
    os.environ["COCOINDEX_DB"] = str(Path(sys.argv[2]) / "state")
    import cocoindex as coco
    from cocoindex.connectors import lancedb as target
    from cocoindex.ops.sentence_transformers import SentenceTransformerEmbedder
    from numpy.typing import NDArray

    DB = coco.ContextKey[target.LanceAsyncConnection]("db")
    EMBEDDER = coco.ContextKey[SentenceTransformerEmbedder]("embedder")

    @dataclass
    class Article:
        """A row of the table."""

        id: str
        text: str
        vector: Annotated[NDArray, EMBEDDER]

    @coco.lifespan
    async def lifespan(builder):
        """Provide the database and the embedder."""
        builder.provide(DB, await target.connect_async(str(Path(sys.argv[2]) / "db")))
        builder.provide(EMBEDDER, SentenceTransformerEmbedder(rows.MODEL, device="cpu"))
        yield

    @coco.fn(memo=True)
    async def article(row, table):
        """Declare one row."""
        vector = await coco.use_context(EMBEDDER).embed(row["text"])
        table.declare_row(row=Article(id=row["id"], text=row["text"], vector=vector))

    @coco.fn
    async def main(path):
        """Mount all rows."""
        schema = await target.TableSchema.from_class(Article, primary_key=["id"])
        table = await target.mount_table_target(DB, "articles", schema)
        await coco.mount_each(article, [(row["id"], row) for row in rows.read(path)], table)


def run(store, path):
    """Update the app."""
    app = coco.App(coco.AppConfig(name="articles"), main, path=path)
    app.update_blocking()


def opened(store):
    """Return the database."""
    import lancedb

    return lancedb.connect(str(store / "db"))


def count(store):
    """Return the rows."""
    db = opened(store)
    return rows.lance_count(db.open_table("articles")) if "articles" in db.list_tables().tables else 0


def vector(store, key):
    """Return one vector."""
    return rows.lance_vector(opened(store).open_table("articles"), key)


rows.answer(run, count, vector)
