"""What an exception of torch means: memory ran out, the device is at fault, or the texts are."""

from __future__ import annotations

# oneDNN does not say why it could not make its kernels; a smaller batch is worth a try.
_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "alloc_cpu",
    "could not create a primitive",
    "could not create a memory",
    # As CUDA's libraries say it.
    "alloc_failed",
)
_DEVICE_WORDS = ("cuda error", "hip error", "device-side assert")
# These are of one call, such as a batch too large for a kernel; the next one may do.
_CALL_WORDS = ("invalid configuration", "invalid argument", "not_supported")


def out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that memory ran out, on any device."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return any(words in text for words in _MEMORY_WORDS)


def device_failed(error: BaseException) -> bool:
    """Return whether an exception means that the device is of no more use to this process, whatever the texts.

    >>> device_failed(RuntimeError("CUDA error: an illegal memory access was encountered"))
    True
    >>> said = "out of memory", "CUBLAS_STATUS_ALLOC_FAILED when calling it", "invalid configuration argument"
    >>> [device_failed(RuntimeError(f"CUDA error: {text}")) for text in said]
    [False, False, False]
    """
    text = str(error).lower()
    is_of_device = any(words in text for words in _DEVICE_WORDS) and not any(words in text for words in _CALL_WORDS)
    return is_of_device and not out_of_memory(error)
