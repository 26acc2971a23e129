"""How a model's name chooses its encoder, and what an encoder must give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.embed.encoders import find, query_prompt, same_name
from vecindex.errors import ModelError

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def test_a_name_without_an_encoder_is_of_sentence_transformers() -> None:
    for name in ("all-MiniLM-L6-v2", MINILM, f"sentence-transformers:{MINILM}"):
        assert find(name).name == MINILM
        assert query_prompt(name) == ""
        assert same_name(name, MINILM)
    assert not same_name("all-MiniLM-L6-v2", "all-MiniLM-L12-v2")


def test_an_encoder_that_no_package_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError) as caught:
        find("hash:384")
    assert str(caught.value.message) == "The model hash:384 needs the encoder 'hash', which no installed package has."
    assert (
        str(caught.value.hint)
        == "Install the package that has it. Encoders there: sentence-transformers, http, https"
    )
    # A folder may be called so.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hash:384").mkdir()
    with pytest.raises(ModelError, match=r"The folder .*/hash:384 holds no model: it has neither"):
        find("hash:384")
    with pytest.raises(ModelError, match=r"is not a model's name|not on this machine"):
        find("C:384", fetch=False)


class Lengths(Encoder):
    """An encoder of two values, whose vectors are what the test says."""

    def __init__(self, vectors: list[list[float]], failed: dict[int, str] | None = None) -> None:
        self.dimension, self.max_tokens, self.pooling, self.budget = 2, 8, "none", TokenBudget(8)
        self._vectors, self._failed = vectors, failed or {}

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        words = [len(text.split()) for text in texts]
        return Tokens([[0] * n for n in words], np.array(words, dtype=np.int32), np.zeros(len(words), dtype=bool))

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        return Encoded(np.array(self._vectors, dtype=np.float32), self._failed)


def test_what_an_encoder_need_not_say() -> None:
    encoder = Lengths([[0.6, 0.8]])
    assert (encoder.prompt, encoder.query_prompt, encoder.device_name) == ("", "", "cpu")
    assert encoder.count_tokens("three words here") == 3
    assert encoder.precision_cosine is None
    encoder.check(["text"])
    assert encoder.precision_cosine == 1.0
    assert encoder.embed_texts(["text"]).tolist() == np.array([[0.6, 0.8]], dtype=np.float32).tolist()


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        ([[0.6, 0.81]], "not of length 1"),
        ([[float("nan"), 1.0]], "not of length 1"),
        ([[1.0, 0.0, 0.0]], r"gives vectors \(1, 3\) of float32, expected \(1, 2\) of float32"),
        ([[1.0, 0.0], [1.0, 0.0]], r"gives vectors \(2, 2\) of float32, expected \(1, 2\)"),
    ],
)
def test_vectors_that_the_first_check_refuses(vectors: list[list[float]], reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        Lengths(vectors).check(["text"])


def test_a_text_that_fails() -> None:
    encoder = Lengths([[1.0, 0.0], [float("nan"), float("nan")]], {1: "no words"})
    encoder.check(["a", "b"])
    with pytest.raises(ModelError, match="Text 1 cannot be embedded: no words"):
        encoder.embed_texts(["a", "b"])
