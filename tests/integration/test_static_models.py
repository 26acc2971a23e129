"""Models without a transformer: a table of vectors for tokens, which reads texts of any length."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import vecindex
from static_models import VALUES, save_static
from vecindex.core.vectors import row_cosines
from vecindex.embed.encoder import ANY_LENGTH
from vecindex.embed.encoders import LoadOptions, find, load, load_light
from vecindex.embed.precision import Precision
from vecindex.embed.static.light import LightStaticEncoder
from vecindex.errors import ConfigError, ModelError

TEXTS = ["the cell divides", "", "a star " * 900, "Ångström, naïve café", "z" * 500, "law and order"]


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_static(tmp_path_factory.mktemp("static") / "model")


@pytest.mark.parametrize(("cut", "normalize"), [(None, False), (None, True), (16, False)])
def test_the_vectors_are_those_of_the_library(tmp_path: Path, cut: int | None, normalize: bool) -> None:
    encoder = load(find(str(save_static(tmp_path / "m", cut, normalize))), LoadOptions("cpu"))
    encoder.check(TEXTS)
    assert encoder.precision is Precision.FP32
    assert encoder.precision_cosine == pytest.approx(1, abs=1e-6)
    assert encoder.max_tokens == (cut or ANY_LENGTH)
    assert encoder.pooling == ("StaticEmbedding+Normalize" if normalize else "StaticEmbedding")
    tokens = encoder.tokenize(TEXTS)
    assert tokens.counts.tolist()[:3] == [3, 0, 1800]  # no special tokens
    assert tokens.truncated.tolist() == [False, False, cut is not None, *[False] * 3]
    found = encoder.embed(tokens)
    expected = encoder._model.encode(TEXTS, normalize_embeddings=True)  # type: ignore[attr-defined]
    there = [i for i in range(len(TEXTS)) if i != 1]
    np.testing.assert_allclose(row_cosines(found.vectors[there], expected[there]), 1, atol=1e-6)
    # Nothing can be looked up of an empty text.
    assert list(found.failed) == [1]


@pytest.mark.parametrize(
    ("cut", "normalize", "of_model2vec"), [(None, False, False), (16, True, False), (None, True, True)]
)
def test_numpy_gives_the_same_vectors(tmp_path: Path, cut: int | None, normalize: bool, of_model2vec: bool) -> None:
    folder = save_static(tmp_path / "m", cut, normalize)
    if of_model2vec:
        as_model2vec(folder)
    options = LoadOptions(dimensions=100)
    light, full = load_light(find(str(folder)), options), load(find(str(folder)), LoadOptions("cpu", dimensions=100))
    assert isinstance(light, LightStaticEncoder)
    assert (light.dimension, light.pooling, light.max_tokens) == (100, full.pooling, full.max_tokens)
    here, there = light.tokenize(TEXTS), full.tokenize(TEXTS)
    assert here.ids == there.ids
    assert here.truncated.tolist() == there.truncated.tolist()
    found, expected = light.embed(here), full.embed(there)
    assert list(found.failed) == list(expected.failed) == [1]
    np.testing.assert_allclose(np.delete(found.vectors, 1, 0), np.delete(expected.vectors, 1, 0), atol=1e-6)
    # The full library where more is asked for, or something that it refuses.
    assert load_light(find(str(folder)), LoadOptions(max_tokens=4)) is None
    assert load_light(find(str(folder)), LoadOptions(precision=Precision.BF16)) is None


def as_model2vec(folder: Path) -> None:
    """Store the weights as model2vec does: fewer vectors, which token has which, and a weight for each token."""
    table = load_file(folder / "model.safetensors")["embedding.weight"]
    mapping = np.arange(len(table)) % 20_000
    weights = np.linspace(0.5, 2, len(table), dtype=np.float32)
    few = {"embeddings": table[:20_000].copy(), "mapping": mapping, "weights": weights}
    save_file(few, folder / "model.safetensors")


def test_a_length_that_is_asked_for(static: Path) -> None:
    encoder = load(find(str(static)), LoadOptions("cpu", max_tokens=8))
    encoder.check(["one two three four five six seven eight nine ten " * 3])
    assert encoder.precision_cosine == pytest.approx(1, abs=1e-6)
    eight, all_ten = "one two three four five six seven eight", "one two three four five six seven eight nine ten"
    short, long = encoder.embed_texts([eight, all_ten])
    np.testing.assert_array_equal(short, long)
    with pytest.raises(ModelError, match="reads at most 16 tokens, asked for 32"):
        load(find(str(save_static(static.parent / "cut", 16))), LoadOptions("cpu", max_tokens=32))


def test_ingest_search_and_status(static: Path, sample: list[Path], tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(*sample, model=str(static))
    assert (report.read, report.added, report.rejected, report.truncated) == (264, 264, 0, 0)
    again = index.ingest(*sample)
    assert (again.skipped, again.vectors) == (264, 0)
    made = index.status().fingerprint
    assert made is not None
    assert (made.dimension, made.max_tokens) == (VALUES, ANY_LENGTH)
    rows = [json.loads(line) for path in sample for line in path.read_text().splitlines()]
    hits = index.search(rows[7]["text"], k=1).answers[0].hits
    assert hits[0].id == rows[7]["id"]
    assert hits[0].dist == pytest.approx(0, abs=1e-6)


def test_chunks_of_a_model_without_a_length_need_one(static: Path, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    rows = [{"id": "a", "text": "one two three four five six seven eight nine ten"}]
    with pytest.raises(ConfigError, match="reads texts of any length, so there is no length to cut them to"):
        index.ingest(rows, model=str(static), chunk=True)
    index.ingest(rows, model=str(static), chunk=6, chunk_overlap=2)
    assert index.status().rows == 2
