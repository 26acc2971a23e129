"""LanceDB with its registry, which embeds the question."""

import asked
import rows


def build(store, folder):
    """Create the table with the vectors that are there."""
    import lancedb
    from lancedb.embeddings import get_registry
    from lancedb.pydantic import LanceModel, Vector

    model = get_registry().get("sentence-transformers").create(name=rows.MODEL, device="cpu")

    class Article(LanceModel):
        id: str
        text: str = model.SourceField()
        vector: Vector(model.ndims()) = model.VectorField()

    read, vectors = asked.data(folder)
    table = lancedb.connect(str(store)).create_table("articles", schema=Article)
    table.add([{**row, "vector": vector} for row, vector in zip(read, vectors, strict=True)])


def opened(store):
    """Open the table."""
    import lancedb

    table = lancedb.connect(str(store)).open_table("articles")

    def ask(question):
        found = table.search(question).distance_type("cosine").limit(asked.K).to_list()
        return [row["id"] for row in found]

    return ask


asked.answer(build, opened)
