"""The methods and their settings: what is given is checked, the rest are defaults."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest

from vecindex.errors import ConfigError, MissingExtraError
from vecindex.maps.methods import DEFAULT_METHOD, METHODS, settings_for, usable_method


def test_the_default_method_is_one() -> None:
    assert DEFAULT_METHOD in METHODS


@pytest.mark.parametrize("method", METHODS.built_in)
def test_every_default_passes_its_own_check(method: str) -> None:
    known = METHODS[method].settings
    assert settings_for(method, {}) == {name: s.default for name, s in known.items()}
    assert settings_for(method, {name: str(s.default) for name, s in known.items()}) == settings_for(method, {})


def test_the_defaults_of_umap_are_its_own() -> None:
    import umap

    theirs = {name: p.default for name, p in inspect.signature(umap.UMAP.__init__).parameters.items()}
    ours = settings_for("umap", {})
    assert ours.pop("neighbors") == theirs["n_neighbors"]
    assert (ours.pop("epochs") or None) == theirs["n_epochs"]
    assert ours == {name: theirs[name] for name in ours}


def test_the_defaults_of_tsne_are_those_of_opentsne() -> None:
    import openTSNE

    theirs = {name: p.default for name, p in inspect.signature(openTSNE.TSNE.__init__).parameters.items()}
    ours = settings_for("tsne", {})
    assert ours["perplexity"] == theirs["perplexity"]
    assert (ours["early_iterations"], ours["iterations"]) == (theirs["early_exaggeration_iter"], theirs["n_iter"])
    assert ours["dof"] == theirs["dof"]
    # "auto" stands for 12, and None for no exaggeration.
    assert (theirs["early_exaggeration"], ours["early_exaggeration"]) == ("auto", 12)
    assert (theirs["exaggeration"], ours["exaggeration"]) == (None, 1)


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("magic", {}, "unknown map method 'magic'\nKnown map methods: local, umap, tsne, pca"),
        ("umap", {"perplexity": 3}, "Method umap has no setting 'perplexity'"),
        ("pca", {"neighbors": 3}, "Method pca has no setting 'neighbors'"),
        ("umap", {"neighbors": "many"}, "neighbors of method umap is a whole number, found 'many'"),
        ("umap", {"neighbors": 2.5}, "is a whole number, found 2.5"),
        ("umap", {"neighbors": 1}, "must be at least 2, found 1"),
        ("umap", {"min_dist": -1}, "must be at least 0, found -1"),
        ("umap", {"min_dist": "nan"}, "must be at least 0, found 'nan'"),
        ("tsne", {"dof": "inf"}, "must be finite"),
        ("umap", {"init": "tea leaves"}, "is one of spectral, pca, random, found 'tea leaves'"),
    ],
)
def test_what_makes_no_sense_is_refused(method: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_for(method, given)


def test_the_method_that_has_a_setting_is_named() -> None:
    with pytest.raises(ConfigError) as refused:
        settings_for("umap", {"perplexity": 3})
    assert str(refused.value.hint).endswith("Another method has it: method='tsne'.")
    with pytest.raises(ConfigError) as refused:
        settings_for("pca", {"sharpness": 3})
    assert str(refused.value.hint) == "It has none at all."


def test_how_many_neighbors_a_method_looks_at() -> None:
    def looked_at(method: str, **given: Any) -> int:
        neighbors = METHODS[method].neighbors
        assert neighbors is not None
        return neighbors(settings_for(method, given))

    assert looked_at("tsne", perplexity=10) == 30
    assert looked_at("umap", neighbors=50) == 49, "umap-learn counts the article itself"
    assert looked_at("local", neighbors=5, finish_neighbors=20) == 20
    assert METHODS["pca"].neighbors is None


def test_a_method_without_its_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_method("tsne") is METHODS["tsne"]
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(MissingExtraError) as missing:
        usable_method("tsne")
    assert str(missing.value) == (
        "Method tsne needs the package openTSNE, which is not installed.\n"
        "pip install openTSNE, or give another method=."
    )
    assert usable_method("pca") is METHODS["pca"]
