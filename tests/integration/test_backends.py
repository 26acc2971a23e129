"""Models computed by another runtime: checked against torch, which goes on where the vectors differ.

The runtimes' packages are not installed here; a model on torch with other weights stands for what they give.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from vecindex.embed import backends, loading
from vecindex.embed.backends import BackendEncoder
from vecindex.embed.encoders import LoadOptions, find, load
from vecindex.embed.models import ModelFiles
from vecindex.errors import ConfigError, MissingExtraError

TEXTS = ["The cell is the basic unit of life.", "A star is a ball of plasma.", "Law is a set of rules."]
read_by_torch = loading.read_model


@pytest.mark.skipif(find_spec("optimum") is not None, reason="the packages are installed")
@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_without_its_packages_the_extra_is_named(tmp_path: Path, backend: str) -> None:
    with pytest.raises(MissingExtraError, match=f"The backend {backend} needs optimum-") as raised:
        vecindex.open(tmp_path).ingest([{"id": "a", "text": "x"}], backend=backend)
    assert f"vecindex[{backend}]" in str(raised.value.hint)
    with pytest.raises(ConfigError, match="is torch, onnx or openvino"):
        vecindex.open(tmp_path).ingest([{"id": "a", "text": "x"}], backend="tensorrt")  # type: ignore[typeddict-item]


def loaded(monkeypatch: pytest.MonkeyPatch, change: float) -> BackendEncoder:
    """Return MiniLM "on onnx", its word vectors multiplied by 1 + change in every second value."""
    asked: list[str] = []

    def read(files: ModelFiles, device: str, trust_remote_code: bool, backend: str = "torch") -> Any:
        asked.append(backend)
        model = read_by_torch(files, device, trust_remote_code)
        if backend != "torch":
            model[0].auto_model.embeddings.word_embeddings.weight.data[:, ::2] *= 1 + change
        return model

    monkeypatch.setattr(loading, "read_model", read)
    monkeypatch.setattr(backends, "read_model", read)
    encoder = load(find("all-MiniLM-L6-v2"), LoadOptions("cpu", backend="onnx"))
    assert isinstance(encoder, BackendEncoder)
    assert encoder.device_name == "cpu by onnx"
    encoder.check(TEXTS)
    assert asked == ["onnx", "torch"]
    return encoder


def test_a_faithful_runtime_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = loaded(monkeypatch, 1e-3)
    assert encoder.device_name == "cpu by onnx"
    assert encoder.precision_cosine is not None
    assert 0.999 < encoder.precision_cosine < 1
    assert encoder.embed_texts(TEXTS).shape == (3, 384)


def test_torch_goes_on_where_the_vectors_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = loaded(monkeypatch, 1.5)
    assert encoder.device_name == "cpu"
    true = read_by_torch(encoder.files, "cpu", False).encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.embed_texts(TEXTS), true, atol=1e-4)
