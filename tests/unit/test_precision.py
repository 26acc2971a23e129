"""Device, precision and first batch: what is chosen on which machine, and what cannot be.

The machines are told to torch's own questions, since the one that runs this may have neither GPU nor bf16.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vecindex.embed import precision
from vecindex.embed.precision import Precision, choose_device, choose_precision, first_batch_tokens, only_fp32
from vecindex.errors import ConfigError


def machine(
    patch: pytest.MonkeyPatch,
    *,
    gpus: int = 0,
    mps: bool = False,
    capability: int = 8,
    gib: float = 80,
    bf16: bool = False,
) -> None:
    """Let torch see such a machine."""
    patch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    patch.setattr(torch.cuda, "device_count", lambda: gpus)
    patch.setattr(torch.cuda, "get_device_capability", lambda _: (capability, 0))
    patch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=gib * 2**30))
    patch.setattr(torch.backends.mps, "is_available", lambda: mps)
    patch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)


@pytest.mark.parametrize(
    ("gpus", "mps", "device"), [(2, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_the_fastest_kind_that_is_there(
    monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, device: str
) -> None:
    machine(monkeypatch, gpus=gpus, mps=mps)
    assert choose_device("auto") == device


def test_a_wanted_device_that_is_there_is_taken_as_named(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, gpus=2, mps=True)
    assert [choose_device(name) for name in ("cpu", "mps", "cuda", "cuda:1")] == ["cpu", "mps", "cuda", "cuda:1"]


@pytest.mark.parametrize(
    ("wanted", "gpus", "told"),
    [
        ("gpu", 1, "Unknown device 'gpu'"),
        ("cuda:", 1, "Unknown device 'cuda:'"),
        ("cuda:one", 1, "Unknown device 'cuda:one'"),
        ("cpu:0", 1, "Unknown device 'cpu:0'"),
        ("cuda", 0, "no usable cuda device"),
        ("cuda:0", 0, "no usable cuda device"),
        ("mps", 1, "no usable mps device"),
        ("cuda:2", 2, "no device 'cuda:2': found 2 of cuda, counted from 0"),
    ],
)
def test_a_device_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str, gpus: int, told: str
) -> None:
    machine(monkeypatch, gpus=gpus)
    with pytest.raises(ConfigError, match=told):
        choose_device(wanted)


@pytest.mark.parametrize(
    ("device", "capability", "bf16", "precision"),
    [
        ("cuda", 9, False, Precision.FP16),
        ("cuda:1", 7, False, Precision.FP16),
        ("cuda", 6, True, Precision.FP32),
        ("mps", 0, False, Precision.FP16),
        ("cpu", 0, True, Precision.BF16),
        ("cpu", 0, False, Precision.FP32),
    ],
)
def test_precision_is_reduced_where_the_hardware_gains(
    monkeypatch: pytest.MonkeyPatch, device: str, capability: int, bf16: bool, precision: Precision
) -> None:
    machine(monkeypatch, gpus=2, mps=True, capability=capability, bf16=bf16)
    assert choose_precision(Precision.AUTO, device) is precision
    assert choose_precision(Precision.FP32, device) is Precision.FP32


@pytest.mark.parametrize(("gib", "tokens"), [(0.5, 4_096), (16, 65_536), (80, 131_072)])
def test_the_first_batch_follows_the_memory_of_the_device(
    monkeypatch: pytest.MonkeyPatch, gib: float, tokens: int
) -> None:
    machine(monkeypatch, gpus=1, gib=gib)
    assert first_batch_tokens("cuda") == tokens


@pytest.mark.parametrize(
    ("most", "free", "tokens"), [(5.3, 100, 10_854), (24, 100, 16_384), (24, 3, 6_144), (24, 0.5, 4_096)]
)
def test_the_first_batch_on_mps_follows_the_memory_that_is_free(
    monkeypatch: pytest.MonkeyPatch, most: float, free: float, tokens: int
) -> None:
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: int(most * 2**30))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=int(free * 2**30)))
    assert first_batch_tokens("mps") == tokens


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.FP16])
def test_a_precision_without_arithmetic_on_this_processor_is_refused(
    monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    asked: list[Precision] = []
    monkeypatch.setattr("vecindex.embed.precision.cpu_supports", lambda wanted: asked.append(wanted))
    with pytest.raises(ConfigError, match=rf"no arithmetic for {precision}\.\nLeave precision= out, or give fp32\."):
        choose_precision(precision, "cpu")
    assert asked == [precision]
    assert choose_precision(precision, "cuda:0") is precision


@pytest.mark.parametrize(
    ("flags", "gpus", "only"),
    [
        ("flags : fpu avx2 fma", [], True),
        ("flags : fpu avx2 avx512f", [], True),
        ("flags : fpu avx2 avx512_bf16", [], False),
        ("flags : fpu avx2 amx_tile amx_bf16", [], False),
        ("flags : fpu avx2 fma", ["0000:01:00.0"], False),
        ("flags : fpu sse2", [], False),
        ("Features : fp asimd", [], False),
        ("", [], False),
    ],
)
def test_fp32_is_all_there_is_where_the_processor_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, gpus: list[str], only: bool
) -> None:
    monkeypatch.setattr(precision, "nvidia_devices", lambda: gpus)
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    assert only_fp32(tmp_path / "cpuinfo") is only
    assert not only_fp32(tmp_path / "none")
