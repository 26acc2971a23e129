"""The encoder "sentence-transformers": which class runs a model that the library has loaded."""

from __future__ import annotations

from vecindex.embed.encoder import Encoder
from vecindex.embed.encoders import EncoderKind, FoundModel, LoadOptions
from vecindex.embed.light.proof import load_light
from vecindex.embed.models import find_model, find_weights, full_name, own_query_prompt
from vecindex.embed.static.light import load_light_static


def load(found: FoundModel, options: LoadOptions) -> Encoder:
    """Return a loaded model. Raises ModelError where it does not load, or cannot read as many tokens as asked for."""
    # Few texts need none of these.
    from vecindex.embed.backends import BackendEncoder
    from vecindex.embed.loading import TORCH, load_model
    from vecindex.embed.static.encoder import StaticEncoder
    from vecindex.embed.transformer import TransformerEncoder

    model = load_model(found, options)
    if StaticEncoder.fits(model):
        return StaticEncoder.of(found, model, options)
    if options.backend != TORCH:
        return BackendEncoder.on(found, model, options)
    return TransformerEncoder.of(found, model, options)


def load_quickly(found: FoundModel, options: LoadOptions) -> Encoder | None:
    """Return a model for a few texts without the library; None where it has to be loaded as a whole."""
    return load_light_static(found, options) or load_light(found, options)


SENTENCE_TRANSFORMERS = EncoderKind(find_model, load, own_query_prompt, full_name, load_quickly, find_weights)
