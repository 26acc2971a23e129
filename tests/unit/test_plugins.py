"""Registries: built-in entries and those of other packages, looked up by name."""

import sys
from pathlib import Path

import pytest

from vecindex.errors import ConfigError, MissingExtraError
from vecindex.plugins import PluginError, Registry, UnknownNameError

GROUP = "vecindex.test_group"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a package of one module with these entry points."""

    def put(package: str, entries: dict[str, str], code: str = "") -> None:
        site = tmp_path / package
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        (site / f"{package}.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, package, raising=False)

    return put


def registry(built_in: dict[str, str] | None = None) -> Registry[str]:
    return Registry("letter", GROUP, str, {"own": "string:ascii_lowercase"} if built_in is None else built_in)


def test_own_entries_and_those_of_packages_are_found_by_name(install) -> None:
    install("vecindex_b", {"z": "vecindex_b:Z", "a": "vecindex_b:A"}, "Z = 'of z'\nA = 'of a'")
    letters = registry()
    assert letters.names == ("own", "a", "z")
    assert letters.built_in == ("own",)
    assert "z" in letters
    assert "other" not in letters
    assert (letters["own"], letters["a"], letters["z"]) == ("abcdefghijklmnopqrstuvwxyz", "of a", "of z")
    assert (letters.package("own"), letters.package("z")) == ("vecindex", "vecindex_b")


def test_an_unknown_name_lists_the_known_ones(install) -> None:
    install("vecindex_b", {"z": "vecindex_b:Z"})
    with pytest.raises(UnknownNameError, match=r"unknown letter 'q'\nKnown letters: own, z") as caught:
        registry()["q"]
    assert (caught.value.name, caught.value.known) == ("q", ("own", "z"))
    assert isinstance(caught.value, ConfigError)
    assert caught.value.exit_code == 2


def test_nothing_is_imported_before_it_is_looked_up(install) -> None:
    install("vecindex_b", {"z": "vecindex_b:Z"}, "raise RuntimeError('no license')")
    letters = registry()
    assert letters.names == ("own", "z")
    assert letters["own"] == "abcdefghijklmnopqrstuvwxyz"
    assert "vecindex_b" not in sys.modules
    with pytest.raises(PluginError) as caught:
        letters["z"]
    assert str(caught.value.message) == (
        "The letter 'z' of the package vecindex_b (vecindex_b:Z) does not load: RuntimeError: no license"
    )
    assert str(caught.value.hint) == "Update or uninstall vecindex_b."
    assert caught.value.exit_code == 7


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import no_such_module", "does not load: ModuleNotFoundError: No module named 'no_such_module'"),
        ("", "does not load: AttributeError: module 'vecindex_b' has no attribute 'Z'"),
        ("Z = 3", "is a int, expected a str"),
    ],
)
def test_a_broken_package_is_named(install, code: str, fault: str) -> None:
    install("vecindex_b", {"z": "vecindex_b:Z"}, code)
    with pytest.raises(PluginError) as caught:
        registry()["z"]
    assert str(caught.value.message) == f"The letter 'z' of the package vecindex_b (vecindex_b:Z) {fault}"
    assert isinstance(caught.value, MissingExtraError)


def test_a_name_taken_twice_is_an_error(install) -> None:
    install("vecindex_b", {"z": "vecindex_b:Z"}, "Z = 'b'")
    install("vecindex_c", {"z": "vecindex_c:Z"}, "Z = 'c'")
    with pytest.raises(PluginError) as caught:
        registry()["z"]
    assert str(caught.value.message) == "The letter 'z' is defined twice: by vecindex_b and by vecindex_c."
    assert str(caught.value.hint) == "Uninstall one of them, e.g. pip uninstall vecindex_c"


def test_a_package_cannot_take_a_name_of_vecindex(install) -> None:
    install("vecindex_b", {"own": "vecindex_b:Z", "z": "vecindex_b:Z"}, "Z = 'b'")
    letters = registry()
    assert letters["own"] == "abcdefghijklmnopqrstuvwxyz"
    with pytest.raises(PluginError) as caught:
        letters["z"]
    assert str(caught.value.message) == "The letter 'own' is defined twice: by vecindex and by vecindex_b."


def test_no_package_is_read_for_a_name_of_vecindex(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise AssertionError("the installed packages were read")

    monkeypatch.setattr("importlib.metadata.entry_points", refuse)
    letters = registry()
    assert "own" in letters
    assert letters["own"] == "abcdefghijklmnopqrstuvwxyz"
