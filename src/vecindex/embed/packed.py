"""Linear layers whose weights are packed once for oneDNN, with the activation fused in where that is faster.

On a CPU a reduced-precision `nn.Linear` copies its bias into the output and leaves the GELU after it to a second pass
over memory. The operators that torch's own compiler emits do both inside the matrix product. They need no
compiler at run time, but are not a public interface: `pack_linears` therefore changes nothing when they are
missing, and the encoder checks the vectors afterwards as it does for any precision.

In fp32 oneDNN's GELU takes several times as long as torch's own, which therefore follows the product, in place.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def pack_linears(model: Any) -> int:
    """Replace the linear layers of a model on the CPU, in place; return how many were replaced.

    A layer named `intermediate.dense` with an exact GELU behind it (BERT, MPNet, RoBERTa and their kin) takes the
    GELU in.
    """
    import torch

    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return 0

    class PackedLinear(torch.nn.Module):  # type: ignore[misc]
        """Inference-only stand-in of an `nn.Linear`."""

        def __init__(self, linear: Any, activation: str) -> None:
            super().__init__()
            self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
            self.bias = None if linear.bias is None else linear.bias.detach()
            self.activation = activation

        def forward(self, x: Any) -> Any:
            product = torch.ops.mkldnn._linear_pointwise
            if self.activation == "gelu" and x.dtype is torch.float32:
                return torch.ops.aten.gelu_(product(x, self.packed, self.bias, "none", [], ""))
            algorithm = "none" if self.activation == "gelu" else ""
            return product(x, self.packed, self.bias, self.activation, [], algorithm)

    count = 0
    for parent in list(model.modules()):
        fuses_gelu = _is_exact_gelu(getattr(parent, "intermediate_act_fn", None))
        for name, child in list(parent.named_children()):
            if type(child) is not torch.nn.Linear:
                continue
            activation = "gelu" if fuses_gelu and name == "dense" else "none"
            setattr(parent, name, PackedLinear(child, activation))
            if activation == "gelu":
                parent.intermediate_act_fn = torch.nn.Identity()
            count += 1
    log.debug("packed %d linear layers", count)
    return count


def _is_exact_gelu(activation: Any) -> bool:
    """Return whether an activation is the GELU by the error function (not its tanh approximation)."""
    import torch

    if isinstance(activation, torch.nn.GELU):
        return bool(activation.approximate == "none")
    return type(activation).__name__ == "GELUActivation" and not getattr(activation, "use_gelu_python", False)
