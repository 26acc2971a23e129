"""A script of a dozen lines: FAISS, sentence-transformers, and the texts in a file."""

import json

import asked
import rows


def build(store, folder):
    """Write the index, and the rows."""
    import faiss

    read, vectors = asked.data(folder)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    faiss.write_index(index, str(store / "index.faiss"))
    (store / "rows.json").write_text(json.dumps(read))


def opened(store):
    """Load all of it."""
    import faiss
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(rows.MODEL, device="cpu")
    index = faiss.read_index(str(store / "index.faiss"))
    read = json.loads((store / "rows.json").read_text())

    def ask(question):
        vector = model.encode([question], normalize_embeddings=True)
        _, found = index.search(vector, asked.K)
        return [read[i]["id"] for i in found[0]]

    return ask


asked.answer(build, opened)
