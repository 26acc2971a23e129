"""Vectors of which the first values are kept, as Matryoshka models are made for; prompts by their names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import vecindex
from embedding_service import serving
from static_models import offline_folder, save_static
from vecindex.core.vectors import F32, normalize, row_cosines
from vecindex.embed.encoder import Encoder
from vecindex.embed.encoders import LoadOptions, find, load, load_light
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model
from vecindex.errors import ConfigError, ModelError
from vecindex.store.database import Database

TEXTS = ["The cell is the basic unit of life.", "A star is a ball of plasma.", "Law is a set of rules."]
ROWS = [{"id": f"r{i}", "text": text} for i, text in enumerate(TEXTS)]
MINILM = "all-MiniLM-L6-v2"


def whole(texts: list[str]) -> F32:
    return LightEncoder(find_model(MINILM)).embed_texts(texts)


def test_both_encoders_keep_the_first_values(tmp_path: Path) -> None:
    expected = normalize(whole(TEXTS)[:, :96])
    options = LoadOptions("cpu", dimensions=96)
    light, full = load_light(find(MINILM), options), load(find(MINILM), options)
    full.check(TEXTS)
    assert full.precision_cosine is not None
    assert full.precision_cosine > 0.999
    encoders: list[Encoder] = [full] if light is None else [light, full]
    for encoder in encoders:
        assert (encoder.dimension, encoder.pooling) == (96, "Pooling(mean)+Normalize+First(96)")
        found = encoder.embed_texts(TEXTS)
        assert found.shape == (3, 96)
        assert row_cosines(found, expected).min() > 0.999
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # All of them are no shortened vectors.
    assert load(find(MINILM), LoadOptions("cpu", dimensions=384)).pooling == "Pooling(mean)+Normalize"
    with pytest.raises(ModelError, match="makes vectors of 384 values, asked for 385"):
        load(find(MINILM), LoadOptions("cpu", dimensions=385))
    static = load(find(str(save_static(tmp_path / "static"))), LoadOptions("cpu", dimensions=10))
    static.check(TEXTS)
    assert (static.embed_texts(TEXTS).shape, static.precision_cosine) == ((3, 10), pytest.approx(1, abs=1e-6))


def test_a_table_of_shortened_vectors_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    index.ingest(ROWS[:2], dimensions=64)
    assert index.ingest(ROWS).added == 1
    made = index.status().fingerprint
    assert made is not None
    assert (made.dimension, made.dimensions) == (64, 64)
    ids, vectors = Database(tmp_path).articles("articles").vectors()
    order = np.argsort(ids)
    assert row_cosines(vectors[order], normalize(whole(TEXTS)[:, :64])).min() > 0.999
    assert index.search("what is a star", k=1).hits[0].id == "r1"
    assert {check.name: check.outcome for check in index.doctor().checks}["vectors of the model"] == "ok"
    with pytest.raises(ModelError, match=r"dimensions: asked for 128, the table has 64"):
        index.ingest(ROWS, dimensions=128)
    whole_ones = vecindex.open(tmp_path, "whole")
    whole_ones.ingest(ROWS)
    with pytest.raises(ModelError, match=r"dimensions: asked for 64, the table has 384"):
        whole_ones.ingest(ROWS, dimensions=64)


def test_precomputed_embeddings_may_be_shortened_ones(tmp_path: Path) -> None:
    vectors = whole(TEXTS)[:, :32]
    rows = [{**row, "vector": vector.tolist()} for row, vector in zip(ROWS, vectors, strict=True)]
    index = vecindex.open(tmp_path)
    with pytest.raises(ModelError, match="The vectors have 32 values, those of"):
        index.ingest(rows, model=MINILM, vector_field="vector")
    assert index.ingest(rows, model=MINILM, vector_field="vector", dimensions=32).added == 3
    assert index.search("what is a star", k=1).hits[0].id == "r1"


def test_a_service_s_vectors_may_be_shortened(tmp_path: Path) -> None:
    with serving() as service:
        index = vecindex.open(tmp_path)
        index.ingest(ROWS, model=service.url, dimensions=48)
        assert index.search("what is a star", k=1).hits[0].id == "r1"
    made = index.status().fingerprint
    assert made is not None
    assert (made.dimension, made.pooling) == (48, "service+First(48)")


def test_prompts_by_name(tmp_path: Path) -> None:
    folder = shutil.copytree(offline_folder(), tmp_path / "model")
    settings = folder / "config_sentence_transformers.json"
    own = {
        **json.loads(settings.read_text()),
        "prompts": {"passage": "passage: ", "title": "title: ", "query": "q: "},
    }
    settings.write_text(json.dumps(own))
    index = vecindex.open(tmp_path / "db")
    with pytest.raises(ModelError, match=r"no prompt 'topic' \(prompts there: passage, title, query\)"):
        index.ingest(ROWS, model=str(folder), prompt_name="topic")
    index.ingest(ROWS, model=str(folder), prompt_name="title")
    made = index.status().fingerprint
    assert made is not None
    assert made.prompt == "title: "
    assert index.ingest(ROWS, prompt_name="title").skipped == 3
    with pytest.raises(ModelError, match="prompt: asked for 'passage: ', the table has 'title: '"):
        index.ingest(ROWS, prompt_name="passage")
    with pytest.raises(ConfigError, match="A prompt is given by its text or by its name"):
        index.ingest(ROWS, prompt="x", prompt_name="title")
