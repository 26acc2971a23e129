"""A few texts through numpy alone: the same tokens and vectors as sentence-transformers, or the full library."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import vecindex
from vecindex.core.vectors import normalize, row_cosines
from vecindex.embed import encoders
from vecindex.embed.encoders import LoadOptions
from vecindex.embed.light import encoder as light_encoder
from vecindex.embed.light import network as network_module
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.light.settings import OtherModelError, read_settings
from vecindex.embed.light.threads import one_blas_thread, threads_here
from vecindex.embed.models import ModelFiles, find_model
from vecindex.embed.precision import Precision
from vecindex.embed.transformer import TransformerEncoder

TEXTS = [
    "the cell",
    "",
    "a star " * 40,
    "Ångström and 細胞 in İstanbul, naïve ½ 🧬",
    "river " * 300,
    "z" * 500,
    "law [MASK] and [SEP] order",
]
TINY = {"vocab_size": 30_522, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
TINY |= {"num_attention_heads": 4, "max_position_embeddings": 130}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vecindex" / "light"


def tiny(folder: Path, kind: str, pooling: str = "mean", unit: bool = True, **settings: Any) -> ModelFiles:
    """Save a small model with weights drawn at random, as sentence-transformers does, and return its files."""
    import transformers
    from sentence_transformers import SentenceTransformer, models

    known = find_model("all-MiniLM-L6-v2").folder
    config = transformers.AutoConfig.for_model(kind, **TINY, pad_token_id=1 if kind != "bert" else 0, **settings)
    torch.manual_seed(3)
    inner = folder / "inner"
    network = transformers.AutoModel.from_config(config)
    with torch.no_grad():
        for values in network.parameters():
            values += 0.2 * torch.randn_like(values)  # the norms and biases too
    network.save_pretrained(inner)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (inner / name).write_bytes((known / name).read_bytes())
    modules: list[Any] = [models.Transformer(str(inner), max_seq_length=100), models.Pooling(32, pooling)]
    SentenceTransformer(modules=modules + [models.Normalize()] * unit).save(str(folder / "model"))
    return find_model(str(folder / "model"))


@pytest.mark.parametrize(
    ("max_tokens", "prompt"), [(None, ""), (17, "query: "), (256, "Represent this sentence for searching: ")]
)
def test_the_offline_model(max_tokens: int | None, prompt: str) -> None:
    files = find_model("all-MiniLM-L6-v2")
    full = TransformerEncoder.load(files, LoadOptions("cpu", Precision.FP32, max_tokens, prompt))
    light = LightEncoder(files, max_tokens, prompt)
    here, there = light.tokenize(TEXTS), full.tokenize(TEXTS)
    assert here.ids == there.ids
    assert here.counts.tolist() == there.counts.tolist()
    assert here.truncated.tolist() == there.truncated.tolist()
    assert light.token_spans(TEXTS[3]) == full.token_spans(TEXTS[3])
    assert (light.dimension, light.max_tokens, light.pooling) == (full.dimension, full.max_tokens, full.pooling)
    assert (light.prompt, light.query_prompt) == (full.prompt, full.query_prompt)
    expected = full._model.encode(TEXTS, prompt=prompt, normalize_embeddings=True)
    done: list[int] = []
    encoded = light.embed(here, done.append)
    assert not encoded.failed
    assert sum(done) == len(TEXTS)
    assert row_cosines(expected, encoded.vectors).min() > 1 - 1e-9
    np.testing.assert_allclose(np.linalg.norm(encoded.vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "pooling", "unit"),
    [
        ("bert", "cls", True),
        ("bert", "mean", False),
        ("roberta", "mean", True),
        ("xlm-roberta", "cls", True),
        ("mpnet", "mean", True),
    ],
)
def test_the_kin_of_bert(tmp_path: Path, kind: str, pooling: str, unit: bool, cache: Path) -> None:
    files = tiny(tmp_path, kind, pooling, unit)
    options = LoadOptions("cpu")
    assert encoders.load_light(files, options) is None  # not proven yet
    full = TransformerEncoder.load(files, options)
    expected = normalize(np.asarray(full._model.encode(TEXTS)))  # before the check, after which it may be in bf16
    full.check(TEXTS)
    found = json.loads(next(cache.iterdir()).read_text())
    assert found["lowest_cosine"] > 1 - 1e-9
    light = encoders.load_light(files, options)
    assert isinstance(light, LightEncoder)
    assert row_cosines(expected, light.embed_texts(TEXTS)).min() > 1 - 1e-9


def test_a_model_that_reads_otherwise_than_its_settings_say_stays_with_the_library(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tiny(tmp_path, "bert")
    full = TransformerEncoder.load(files, LoadOptions("cpu"))
    # As a version of the library would that adds 1 % to one value of each vector.
    encode = full._model.encode

    def other(*args: Any, **options: Any) -> Any:
        vectors = np.asarray(encode(*args, **options)).copy()
        vectors[:, 0] += 0.01
        return vectors

    monkeypatch.setattr(full._model, "encode", other)
    full._prove_light()
    assert json.loads(next(cache.iterdir()).read_text())["lowest_cosine"] < 1 - 1e-6
    assert encoders.load_light(files, LoadOptions("cpu")) is None


def test_an_answer_holds_for_what_it_was_found_with(tmp_path: Path, cache: Path) -> None:
    files = tiny(tmp_path, "bert")
    options = LoadOptions("cpu")
    TransformerEncoder.load(files, options)._prove_light()
    assert encoders.load_light(files, options) is not None
    for other in (LoadOptions("cuda"), LoadOptions("cpu", Precision.BF16), LoadOptions("cpu", max_tokens=200)):
        assert encoders.load_light(files, other) is None
    pooling = files.folder / "1_Pooling" / "config.json"
    known = pooling.read_text()
    pooling.write_text(known.replace("mean", "cls"))
    assert encoders.load_light(files, options) is None
    pooling.write_text(known)
    assert encoders.load_light(files, options) is not None
    for answer in ("", "[]", '{"lowest_cosine": null}', "\x00"):
        next(cache.iterdir()).write_text(answer)
        assert encoders.load_light(files, options) is None


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("config.json", {"model_type": "distilbert"}, "its type is 'distilbert'"),
        ("config.json", {"hidden_act": "relu"}, "its activation is another one"),
        ("config.json", {"position_embedding_type": "relative_key"}, "its positions are relative"),
        ("config.json", {"auto_map": {"AutoModel": "own.Model"}}, "it brings its own code"),
        ("1_Pooling/config.json", {"pooling_mode": "max"}, "its pooling is another one"),
        ("1_Pooling/config.json", {"include_prompt": False}, "its pooling leaves the prompt out"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "it lowers the case by itself"),
    ],
)
def test_what_numpy_does_not_compute(tmp_path: Path, name: str, change: dict[str, Any], reason: str) -> None:
    folder = tiny(tmp_path, "bert").folder
    assert read_settings(folder).pooling == "mean"
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | change))
    with pytest.raises(OtherModelError, match=reason):
        read_settings(folder)


def test_weights_in_half_precision_stay_with_the_library(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    files = tiny(tmp_path, "bert")
    path = files.folder / "model.safetensors"
    save_file({name: value.astype(np.float16) for name, value in load_file(path).items()}, path)
    with pytest.raises(OtherModelError, match="not in fp32"):
        LightEncoder(files)


def ingested(tmp_path: Path, n: int, words: int) -> vecindex.Index:
    index = vecindex.open(tmp_path / "db")
    index.ingest([{"id": str(i), "text": f"article {i} " + "cells " * words} for i in range(n)])
    return index


def test_few_texts_are_embedded_without_the_library_and_many_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions())._prove_light()
    loaded: list[str] = []
    load = encoders.ENCODERS["sentence-transformers"].load

    def counted(files: Any, options: LoadOptions) -> Any:
        loaded.append(files.name)
        return load(files, options)

    kind = encoders.ENCODERS["sentence-transformers"]
    monkeypatch.setattr(encoders, "ENCODERS", {"sentence-transformers": encoders.replace(kind, load=counted)})
    index = ingested(tmp_path, 20, 30)
    few = index.search("article 3 cells", k=20).answers[0]
    assert not loaded
    assert len(few.hits) == 20
    assert index.doctor().sound
    monkeypatch.setattr(light_encoder, "MOST_TOKENS", 16_384)
    monkeypatch.setattr(light_encoder, "MOST_TOKENS_FP32", 16_384)
    # 200 texts of 120 tokens are more.
    index = ingested(tmp_path, 200, 120)
    assert len(loaded) == 1
    many = [f"question {i} " + "cells " * 200 for i in range(100)]
    found = index.search(many, k=1).answers
    assert len(found) == 100
    assert len(loaded) == 2
    assert index.doctor().sound


def test_a_search_imports_neither_torch_nor_the_library(tmp_path: Path) -> None:
    index = ingested(tmp_path, 20, 30)
    index.search("cells")
    code = (
        "import sys, vecindex\n"
        f"hits = vecindex.open({str(tmp_path / 'db')!r}).search('article 3 cells', k=3).answers[0].hits\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(*(hit.id for hit in hits))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    vector = TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions()).embed_texts(["article 3 cells"])
    full = index.search(vector=vector[0], k=3).answers[0].hits
    assert found.stdout.split() == [hit.id for hit in full]


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (60, 0), (1, -90), (1, 90), (1, -1e4)])
def test_the_softmax_of_scores_of_any_size(scale: float, shift: float) -> None:
    scores = (np.random.default_rng(0).standard_normal((2, 5, 5)) * scale + shift).astype(np.float32)
    exact = np.exp(scores.astype(float) - scores.max(axis=-1, keepdims=True))
    exact /= exact.sum(axis=-1, keepdims=True)
    sums = network_module._exponentials(scores)
    np.testing.assert_allclose(scores / sums, exact, rtol=1e-5, atol=1e-30)


def test_the_activation_is_the_exact_one() -> None:
    x = np.concatenate([np.linspace(-12, 12, 70_001), [0.0, -1e30, 1e30]]).astype(np.float32)
    expected = [value * 0.5 * math.erfc(-value / math.sqrt(2)) for value in x.tolist()]
    with np.errstate(over="ignore"):
        found = network_module._gelu(x.copy())
    np.testing.assert_allclose(found, expected, rtol=2e-7, atol=1e-6)


def test_what_computes_at_a_time_is_bounded_by_the_usual_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = threads_here()
    for value, threads in (("1", 1), ("1,4", 1), ("0", 1), ("9999", cores), ("many", cores), ("", cores)):
        monkeypatch.setenv("OMP_NUM_THREADS", value)
        assert threads_here() == threads


def test_one_thread_for_all_as_long_as_anybody_asks() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> set[int]:
        return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}

    before = threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert threads() == {1}
    second.__exit__(None, None, None)
    assert threads() == before


def test_a_bound_that_leaves_no_room_for_the_weights_is_said_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(network_module, "addresses_left", lambda: 150_000_000)
    with pytest.raises(MemoryError, match="reading the model takes 182 MB, and 150 MB are left"):
        LightEncoder(find_model("all-MiniLM-L6-v2"))
