"""vecindex itself, asked for counts and vectors as the others are. The runs are of its own command line."""

import rows


def opened(store):
    """Return the table as LanceDB opens it."""
    import lancedb

    return lancedb.connect(str(store))


def count(store):
    """Return the rows."""
    db = opened(store)
    return rows.lance_count(db.open_table("articles")) if "articles" in db.list_tables().tables else 0


def vector(store, key):
    """Return one vector."""
    return rows.lance_vector(opened(store).open_table("articles"), key)


rows.answer(lambda store, path: None, count, vector)
