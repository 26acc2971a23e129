"""Which device and which precision a machine gains from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from vecindex.errors import ConfigError
from vecindex.messages import option, text

MIN_COSINE = 0.999
"""A reduced precision is used only if every text of the check keeps at least this cosine to full precision."""


class Precision(StrEnum):
    """Arithmetic of the model's weights and activations."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


# Tokens, padding included, that a first batch may hold. On a CPU the fastest size is the one whose
# activations stay in the last-level cache (docs/performance.md); on a GPU the one that keeps it busy.
CPU_BATCH_TOKENS = 4_096
MPS_BATCH_TOKENS = 16_384
# Half of what a card of its own is given: the memory is that of all programs.
MPS_TOKENS_PER_GIB = 2_048
CUDA_TOKENS_PER_GIB = 4_096
CUDA_MAX_BATCH_TOKENS = 131_072


def choose_device(wanted: str) -> str:
    """Return the device's name: `wanted` unless it is "auto", else cuda, mps or cpu, the first that is there.

    Raises ConfigError when the wanted device is not there.
    """
    import torch

    has_cuda = bool(torch.cuda.is_available())
    has_mps = bool(torch.backends.mps.is_available())
    if wanted == "auto":
        return "cuda" if has_cuda else "mps" if has_mps else "cpu"
    kind, colon, number = wanted.partition(":")
    if kind not in ("cuda", "mps", "cpu") or (colon and (kind != "cuda" or not number.isdecimal())):
        raise ConfigError(f"Unknown device {wanted!r}.", "Give auto, cpu, cuda, cuda:N or mps.")
    if (kind == "cuda" and not has_cuda) or (kind == "mps" and not has_mps):
        raise ConfigError(
            f"This machine has no usable {kind} device.", text("Leave ", option("device"), " out, or give cpu.")
        )
    if number and int(number) >= (there := torch.cuda.device_count()):
        raise ConfigError(
            f"There is no device {wanted!r}: found {there} of cuda, counted from 0.",
            text("Leave ", option("device"), " out, or give cuda."),
        )
    return wanted


def choose_precision(wanted: Precision, device: str) -> Precision:
    """Return the precision to try on the device; AUTO becomes a reduced one only where hardware gains from it.

    Raises ConfigError for a reduced one that the processor has no arithmetic for.
    """
    if wanted is not Precision.AUTO:
        if device == "cpu" and not cpu_supports(wanted):
            raise ConfigError(
                f"This processor has no arithmetic for {wanted}.",
                text("Leave ", option("precision"), " out, or give fp32."),
            )
        return wanted
    import torch

    if device.startswith("cuda"):
        # fp16 keeps three more bits than bf16; every tensor core since 2017 has it. Overflow shows in the check.
        return Precision.FP16 if torch.cuda.get_device_capability(device)[0] >= 7 else Precision.FP32
    if device == "mps":
        return Precision.FP16
    cpu: Any = torch.cpu
    # Without instructions for bf16 products a CPU emulates them, slower than fp32.
    has_bf16 = cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    return Precision.BF16 if has_bf16 else Precision.FP32


def cpu_supports(precision: Precision) -> bool:
    """Return whether oneDNN computes linear layers in a precision on this processor (AVX-512 or AMX, for most)."""
    import torch

    known: Any = torch.ops.mkldnn
    asked = {Precision.BF16: "_is_mkldnn_bf16_supported", Precision.FP16: "_is_mkldnn_fp16_supported"}.get(precision)
    return asked is None or not hasattr(known, asked) or bool(getattr(known, asked)())


def nvidia_devices() -> list[str]:
    """Return what Linux lists as NVIDIA's devices, without torch."""
    try:
        return sorted(one.name for one in Path("/proc/driver/nvidia/gpus").iterdir())
    except OSError:
        return []


def only_fp32(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether fp32 on the processor is the fastest that torch has here, as far as Linux says without torch."""
    try:
        with processor.open(encoding="utf-8", errors="replace") as lines:
            flags = next((line.split() for line in lines if line.startswith("flags")), [])
    except OSError:
        return False
    # Elsewhere, and on other processors, nothing is known.
    return "avx2" in flags and not {"avx512_bf16", "amx_bf16", "amx_tile"} & set(flags) and not nvidia_devices()


def first_batch_tokens(device: str) -> int:
    """Return the token budget to start with on a device."""
    if device.startswith("cuda"):
        import torch

        gib = torch.cuda.get_device_properties(device).total_memory / 2**30
        return int(min(CUDA_MAX_BATCH_TOKENS, max(CPU_BATCH_TOKENS, gib * CUDA_TOKENS_PER_GIB)))
    if device == "mps":
        return int(min(MPS_BATCH_TOKENS, max(CPU_BATCH_TOKENS, _mps_gib() * MPS_TOKENS_PER_GIB)))
    return CPU_BATCH_TOKENS


def _mps_gib() -> float:
    """Return the memory that Metal recommends to use at most, as far as it is free now."""
    import psutil
    import torch

    free: int = min(torch.mps.recommended_max_memory(), psutil.virtual_memory().available)
    return free / 2**30
