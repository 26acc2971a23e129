"""Loading a model by sentence-transformers, on torch or on another runtime."""

from __future__ import annotations

from typing import Any

from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.forks import refuse_after_fork
from vecindex.embed.models import ModelFiles, first_line
from vecindex.embed.precision import choose_device
from vecindex.errors import MissingExtraError, ModelError

TORCH = "torch"
_PACKAGES = {"onnx": "optimum-onnx and onnxruntime", "openvino": "optimum-intel and openvino"}


def load_model(files: FoundModel, options: LoadOptions) -> Any:
    """Return a model as sentence-transformers loads it, in full precision. Raises ModelError where it does not."""
    import transformers

    refuse_after_fork()
    assert isinstance(files, ModelFiles), "find_model returns no other"
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = choose_device(options.device)
    try:
        return read_model(files, device, options.trust_remote_code, options.backend)
    except Exception as error:
        if options.backend in _PACKAGES and isinstance(_root(error), ImportError):
            raise MissingExtraError(
                f"The backend {options.backend} needs {_PACKAGES[options.backend]} for this version of transformers "
                f"({first_line(error)}).",
                f"pip install 'vecindex[{options.backend}]', or leave the backend out.",
            ) from error
        raise ModelError(
            f"The model {files.name} in {files.folder} does not load: {first_line(error)}",
            "Check that SentenceTransformer(folder) loads it.",
        ) from error


def _root(error: BaseException) -> BaseException:
    """Return the exception that another one was raised from, the last of the chain."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def read_model(files: ModelFiles, device: str, trust_remote_code: bool, backend: str = TORCH) -> Any:
    """Return a model in full precision, ready to embed; raises whatever the library raises."""
    from sentence_transformers import SentenceTransformer

    kind: Any = backend
    model = SentenceTransformer(str(files.folder), device=device, trust_remote_code=trust_remote_code, backend=kind)
    return model.eval().float()
