"""vecindex from Python, and how its table is made; its command line is run as it is."""

import asked


def build(store, folder):
    """Let the model make one row, append the rows with the vectors that are there, and remove the first again."""
    import numpy as np
    import pyarrow as pa

    import vecindex
    from vecindex.store.database import Database

    read, vectors = asked.data(folder)
    vecindex.open(store).ingest([{"id": "first", "text": "The first row."}])
    table = Database(store).articles("articles")
    first = table.lance.to_lance().to_table()
    more = first.take(pa.array(np.zeros(len(read), dtype=np.int64)))
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=first.schema.field("vector").type)
    for column, values in (
        ("id", pa.array([row["id"] for row in read])),
        ("text", pa.array([row["text"] for row in read])),
        ("vector", flat),
    ):
        at = more.schema.get_field_index(column)
        more = more.set_column(at, first.schema.field(at), values)
    table.append(more)
    vecindex.open(store).delete("first")


def opened(store):
    """Open the index."""
    import vecindex

    index = vecindex.open(store)
    return lambda question: [hit.id for hit in index.search(question, k=asked.K, text="none").hits]


asked.answer(build, opened)
