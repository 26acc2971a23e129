"""The encoders that there are, and how the name of a model chooses one.

`NAME:MODEL` is a model of the encoder that is registered as NAME, such as `hashing:384`; any other name is one of
sentence-transformers. Another package registers its encoder in the entry point group `vecindex.encoders`
(docs/extending.md). The table keeps the name of its model with the encoder's before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from vecindex.embed.encoder import Encoder
from vecindex.embed.precision import Precision
from vecindex.errors import ModelError
from vecindex.files import home_of, is_there
from vecindex.messages import Placeholder, option, text
from vecindex.plugins import Registry

DEFAULT_ENCODER = "sentence-transformers"

# Two characters at least: C:\models is a folder.
_PREFIX = re.compile(r"([a-z][a-z0-9._-]+):(.+)", re.DOTALL)


_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that is there to be loaded.

    Attributes
    ----------
    name : as the encoder knows it.
    weights : a digest of all that determines the vectors besides the settings; equal digests are the same model.
    revision : the commit, where there is one.
    origin : where it was found, for messages ("folder", "package").
    """

    name: str
    weights: str
    revision: str | None = None
    origin: str = "package"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a model is loaded; None for as the model has it.

    `max_tokens` may shorten what it reads of a text. `prompt` is put before every document. `dimensions` keeps the
    first values of each vector only, scaled to unit length again, as Matryoshka models are made for. `backend` is the
    runtime that computes the model.
    """

    device: str = "auto"
    precision: Precision = Precision.AUTO
    max_tokens: int | None = None
    prompt: str | None = None
    trust_remote_code: bool = False
    dimensions: int | None = None
    backend: str = "torch"


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """An encoder as it is registered: how its models are found and loaded.

    Attributes
    ----------
    find : takes a model's name, a revision and whether it may be fetched; raises ModelError when it is not there.
    load : takes what `find` returned, and the options. Heavy libraries are imported here.
    query_prompt : returns what a model of this name and revision wants before questions without loading it; None when
        it is not on this machine.
    full_name : returns the one spelling of a model's name.
    load_light : as `load`, an encoder that starts in no time and is slow: for a few texts. Its vectors are the same,
        and `most_tokens` says how far it should be used. None where the model or the options allow for no such.
    find_weights : returns a model by its digest, where an installed package has it; None for none.
    alike : returns whether two digests are those of the same model, where they need not be equal for that.
    """

    find: Callable[[str, str | None, bool], FoundModel]
    load: Callable[[FoundModel, LoadOptions], Encoder]
    query_prompt: Callable[[str, str | None], str | None] = lambda _name, _revision: ""
    full_name: Callable[[str], str] = lambda name: name
    load_light: Callable[[FoundModel, LoadOptions], Encoder | None] = lambda _found, _options: None
    find_weights: Callable[[str], FoundModel | None] = lambda _weights: None
    alike: Callable[[str, str], bool] = lambda one, other: one == other


ENCODERS = Registry(
    "encoder",
    "vecindex.encoders",
    EncoderKind,
    {
        DEFAULT_ENCODER: "vecindex.embed.library:SENTENCE_TRANSFORMERS",
        "http": "vecindex.embed.service.encoder:HTTP",
        "https": "vecindex.embed.service.encoder:HTTPS",
    },
)


def find(model: str, revision: str | None = None, fetch: bool = True, stored: str | None = None) -> FoundModel:
    """Return a model that is there to be loaded, its encoder's name before its own.

    `stored` is the digest that a table keeps; a model whose own is alike gets that one.

    Raises ModelError when there is no such model or encoder; PluginError when its package is broken.
    """
    kind, prefix, name = _split(model)
    found = kind.find(name, revision, fetch)
    weights = stored if stored is not None and kind.alike(found.weights, stored) else found.weights
    return replace(found, name=prefix + found.name, weights=weights)


def find_stored(model: str, revision: str | None, weights: str) -> FoundModel:
    """Return the model that made a table's vectors, by what is stored of it.

    Looked for on this machine first: of that commit, then under the name alone if the weights are the same, then a
    package with these weights, whatever its name. Only then is it fetched. The caller compares weights. Raises as
    `find` does, with a hint on what will do instead.
    """
    here = []
    for found in _candidates(model, revision, weights):
        if found.weights == weights:
            return found
        here.append(found)
    packaged = find_packaged(model, weights)
    if packaged is not None:
        return packaged
    if here and here[0].revision == revision:
        return here[0]
    try:
        return find(model, revision, stored=weights)
    except ModelError as error:
        if not _SHA256.fullmatch(weights):
            raise
        raise ModelError(
            error.message,
            text(
                *((error.hint, " ") if error.hint else ()),
                f"The same weights (SHA-256 {weights[:12]}...) are enough, in whatever folder they are now: ",
                option("model", Placeholder("DIR")),
            ),
        ) from error


def find_here(model: str, revision: str | None, weights: str) -> FoundModel | None:
    """Return the model with these weights, None where it is not on this machine; nothing is fetched."""
    here = (found for found in _candidates(model, revision, weights) if found.weights == weights)
    return next(here, None) or find_packaged(model, weights)


def find_packaged(model: str, weights: str) -> FoundModel | None:
    """Return a model of the same encoder that an installed package has with these weights; None for none."""
    try:
        kind, prefix, _ = _split(model)
    except ModelError:
        return None
    found = kind.find_weights(weights)
    return None if found is None else replace(found, name=prefix + found.name)


def _candidates(model: str, revision: str | None, weights: str) -> Iterator[FoundModel]:
    """Yield what is on this machine under a model's name: of that commit, then of any."""
    for commit in dict.fromkeys((revision, None)):
        with suppress(ModelError):
            yield find(model, commit, fetch=False, stored=weights)


def load(found: FoundModel, options: LoadOptions) -> Encoder:
    """Return the loaded model. Raises ModelError when it does not load or cannot meet the options."""
    kind, _, name = _split(found.name)
    encoder = kind.load(replace(found, name=name), options)
    if options.dimensions not in (None, encoder.dimension):
        raise ModelError(
            f"{found.name} makes vectors of {encoder.dimension} values, asked for {options.dimensions}.",
            text("Its encoder cannot shorten them: leave ", option("dimensions"), " out."),
        )
    return encoder


def load_light(found: FoundModel, options: LoadOptions) -> Encoder | None:
    """Return the model for a few texts, loaded in no time; None where it has to be loaded as a whole."""
    kind, _, name = _split(found.name)
    return kind.load_light(replace(found, name=name), options)


def query_prompt(model: str, revision: str | None = None) -> str | None:
    """Return a model's own prompt for questions, "" for none; None when the model is not on this machine."""
    kind, _, name = _split(model)
    return kind.query_prompt(name, revision)


def same_name(first: str, second: str) -> bool:
    """Return whether two names mean the same model, however they are spelled."""
    kinds = map(_split, (first, second))
    return len({prefix + kind.full_name(name) for kind, prefix, name in kinds}) == 1


def _split(model: str) -> tuple[EncoderKind, str, str]:
    """Return the encoder of a model's name, what stands before the name ("" for the default), and the name."""
    given = _PREFIX.fullmatch(model)
    if given is None or is_there(home_of(model)):
        return ENCODERS[DEFAULT_ENCODER], "", model
    encoder, name = given.groups()
    if encoder not in ENCODERS:
        raise ModelError(
            f"The model {model} needs the encoder {encoder!r}, which no installed package has.",
            f"Install the package that has it. Encoders there: {', '.join(ENCODERS.names)}",
        )
    return ENCODERS[encoder], "" if encoder == DEFAULT_ENCODER else f"{encoder}:", name
