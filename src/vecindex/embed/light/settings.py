"""What a model's folder says of it, where numpy can compute it: BERT and its kin with a plain pooling."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SETTINGS = (
    "modules.json",
    "config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    TOKENIZER,
)
"""The files that determine a vector besides the weights, and those of the modules after the transformer."""

# By the transformer's own name: whether its positions begin behind the padding's number, as RoBERTa's do.
_KINDS = {"bert": False, "roberta": True, "xlm-roberta": True, "mpnet": True}
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class OtherModelError(ValueError):
    """The model is none that numpy computes here; the message says what of it is not."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A model that numpy can compute.

    `first_position` is the position of a text's first token; `relative` is given for attention that depends on the
    distance of two tokens, as MPNet's; `pooling` is "mean" or "cls", `pooling_name` the modules after the transformer
    as a table keeps them.
    """

    layers: int
    heads: int
    dimension: int
    epsilon: float
    first_position: int
    relative: bool
    pooling: str
    pooling_name: str
    max_tokens: int
    prompt: str
    query_prompt: str


def read_settings(folder: Path) -> Settings:
    """Return what determines the vectors of a model. Raises OtherModelError when numpy does not compute it here."""
    config, modules = _object(folder, "config.json"), _modules(folder)
    kind = config.get("model_type")
    _need(kind in _KINDS, f"its type is {kind!r}")
    _need(config.get("hidden_act") == "gelu", "its activation is another one")
    _need(config.get("position_embedding_type", "absolute") == "absolute", "its positions are relative")
    _need("auto_map" not in config, "it brings its own code")
    _need([p.name for p in sorted(folder.glob("*.safetensors"))] == [WEIGHTS], "its weights are not in one file")
    names = [name for name, _ in modules]
    _need(names in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]), f"its modules are {names}")
    _need(modules[0][1] == "", "its transformer lies in a folder")
    reading = _object(folder, "sentence_bert_config.json", optional=True)
    _need(not reading.get("do_lower_case"), "it lowers the case by itself")
    pooling = _pooling(_object(folder, f"{modules[1][1]}/config.json"))
    own = _object(folder, "config_sentence_transformers.json", optional=True).get("prompts") or {}
    first = int(config["pad_token_id"]) + 1 if _KINDS[str(kind)] else 0
    tokenizer = _object(folder, "tokenizer_config.json", optional=True)
    longest = min(int(config["max_position_embeddings"]) - first, int(tokenizer.get("model_max_length", 1 << 30)))
    return Settings(
        layers=int(config["num_hidden_layers"]),
        heads=int(config["num_attention_heads"]),
        dimension=int(config["hidden_size"]),
        epsilon=float(config["layer_norm_eps"]),
        first_position=first,
        relative=kind == "mpnet",
        pooling=pooling,
        pooling_name="+".join([f"Pooling({pooling})", *names[2:]]),
        max_tokens=int(reading.get("max_seq_length") or longest),
        prompt=next((own[name] for name in _DOCUMENT_PROMPTS if own.get(name)), ""),
        query_prompt=str(own.get("query") or ""),
    )


def _need(holds: bool, reason: str) -> None:
    if not holds:
        raise OtherModelError(reason)


def _read(folder: Path, name: str, optional: bool) -> Any:
    path = folder / name
    if optional and not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OtherModelError(f"{name} cannot be read") from error


def _object(folder: Path, name: str, optional: bool = False) -> dict[str, Any]:
    found = _read(folder, name, optional)
    _need(isinstance(found, dict), f"{name} is no object")
    return dict(found)


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Return the (class, folder) of each module in their order."""
    found = _read(folder, "modules.json", optional=False)
    _need(isinstance(found, list) and all(isinstance(one, dict) for one in found), "modules.json is no list")
    types = [(str(one.get("type")), str(one.get("path", ""))) for one in found]
    _need(all(kind.startswith("sentence_transformers.") for kind, _ in types), "it has modules of its own")
    return [(kind.rsplit(".", 1)[-1], path) for kind, path in types]


def _pooling(config: dict[str, Any]) -> str:
    """Return "mean" or "cls", from the settings of old versions or of new ones."""
    mode = config.get("pooling_mode")
    if mode is None:
        short = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
        on = [key for key, value in config.items() if key.startswith("pooling_mode_") and value]
        mode = short.get(on[0]) if len(on) == 1 else None
    _need(mode in ("mean", "cls"), "its pooling is another one")
    _need(config.get("include_prompt", True) is True, "its pooling leaves the prompt out")
    return str(mode)
