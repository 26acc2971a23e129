"""Whether numpy gives a model's vectors: found out once, next to the full library, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from vecindex.core.vectors import F32, normalize, row_cosines
from vecindex.embed.encoder import Encoder
from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.light.settings import SETTINGS, OtherModelError, read_settings
from vecindex.embed.models import ModelFiles, cache_folder
from vecindex.embed.precision import Precision
from vecindex.errors import ConfigError
from vecindex.files import write_whole

log = logging.getLogger(__name__)

MIN_COSINE = 1 - 1e-6
"""Rounding in fp32 leaves a cosine of 1 - 1e-12; a token read otherwise one below 0.99."""

_CODE = 2
"""To be raised with any change of what is computed here: what was found out before says nothing of it."""

_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch", "numpy")
_PROBES = (
    "",
    "cells",
    "How far away are the stars, and how would one know?",
    "Ångström, naïve café, ½ İstanbul, ﬁne, e\u0301",
    "細胞は生命の基本単位である。细胞 세포 клетка κύτταρο خلية",
    "SARS-CoV-2 (p53, CD4+): 3.14e-5 mol/L <b>https://example.org/?a=1&b=2</b> 🧬\t\u200b\x07 [MASK] [SEP] </s>",
    "  blanks  before,\nbetween\r\nand after  ",
    "the nucleus of a cell holds its chromosomes " * 400,
)


def load_light(found: FoundModel, options: LoadOptions) -> Encoder | None:
    """Return a model as numpy computes it; None where that is not proven to be the same, or options ask for more.

    Raises nothing: whatever is wrong with the model is for the full library to say.
    """
    assert isinstance(found, ModelFiles), "find_model returns no other"
    if options.device not in ("auto", "cpu") or options.precision not in (Precision.AUTO, Precision.FP32):
        return None
    if options.backend != "torch" or not _verdict(found):
        return None
    try:
        return LightEncoder(found, options.max_tokens, options.prompt, options.dimensions)
    except (OtherModelError, OSError, ValueError, KeyError) as error:
        log.debug("%s is left to the full library: %s", found.name, error)
        return None


def prove(files: ModelFiles, full: Encoder, encode: Callable[[Sequence[str]], F32]) -> None:
    """Find out, where it is not known yet, whether numpy gives the vectors of the full library, and keep the answer.

    `full` is the model loaded by the library, `encode` the library's own way in fp32. Raises nothing: a proof that
    fails costs the seconds that it would have spared.
    """
    if _verdict(files) is not None:
        return
    try:
        lowest = _lowest_cosine(files, full, encode)
    except (OtherModelError, OSError, ValueError, KeyError, RuntimeError, MemoryError) as error:
        log.debug("%s is left to the full library: %s", files.name, error)
        lowest = 0.0
    path = _path(files)
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps({"model": files.name, "lowest_cosine": lowest}))
        except (OSError, ConfigError) as error:
            log.debug("%s cannot be written: %s", path, error)


def _lowest_cosine(files: ModelFiles, full: Encoder, encode: Callable[[Sequence[str]], F32]) -> float:
    """Return the lowest cosine of the two ways over the probes.

    Raises OtherModelError where they read a text or the settings otherwise.
    """
    light = LightEncoder(files, full.max_tokens, prompt="", dimensions=full.dimension)
    for name in ("dimension", "pooling", "query_prompt"):
        if getattr(light, name) != getattr(full, name):
            raise OtherModelError(f"{name} is {getattr(full, name)!r}, read here as {getattr(light, name)!r}")
    here, there = light.tokenize(_PROBES), full.tokenize(_PROBES, "")
    if here.ids != there.ids or here.counts.tolist() != there.counts.tolist():
        raise OtherModelError("its tokens are others")
    return float(row_cosines(normalize(encode(_PROBES)), light.embed(here).vectors).min())


def _verdict(files: ModelFiles) -> bool | None:
    """Return whether numpy gives the model's vectors, None when nobody has found out with what is installed now."""
    path = _path(files)
    if path is None:
        return False
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["lowest_cosine"]) >= MIN_COSINE
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(files: ModelFiles) -> Path | None:
    """Return where the answer is kept, by all that it depends on; None for a model that numpy cannot compute."""
    digest = hashlib.sha256(f"{_CODE} {files.weights}".encode())
    try:
        read_settings(files.folder)
        for settings in sorted([*files.folder.glob("*/config.json"), *(files.folder / name for name in SETTINGS)]):
            content = settings.read_bytes() if settings.is_file() else b""
            digest.update(f"{settings.name} {len(content)} ".encode() + content)
    except (OtherModelError, OSError) as error:
        log.debug("%s is left to the full library: %s", files.name, error)
        return None
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)} ".encode())
    return cache_folder() / "light" / f"{digest.hexdigest()[:32]}.json"
