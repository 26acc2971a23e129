"""LanceDB's registry of embedding functions: the first run adds, later ones merge by id, as its documents show."""

import rows


def opened(store):
    """Return the database."""
    import lancedb

    return lancedb.connect(str(store / "db"))


def run(store, path):
    """Add or merge all rows; the registry embeds them."""
    from lancedb.embeddings import get_registry
    from lancedb.pydantic import LanceModel, Vector

    model = get_registry().get("sentence-transformers").create(name=rows.MODEL, device="cpu")

    class Article(LanceModel):
        id: str
        text: str = model.SourceField()
        vector: Vector(model.ndims()) = model.VectorField()

    db = opened(store)
    read = rows.read(path)
    if "articles" in db.list_tables().tables:
        table = db.open_table("articles")
        table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(read)
    else:
        db.create_table("articles", schema=Article).add(read)


def count(store):
    """Return the rows."""
    db = opened(store)
    return rows.lance_count(db.open_table("articles")) if "articles" in db.list_tables().tables else 0


def vector(store, key):
    """Return one vector."""
    return rows.lance_vector(opened(store).open_table("articles"), key)


rows.answer(run, count, vector)
