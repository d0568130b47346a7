"""Multiply by weights, with kernels chosen by device and dtype.

A Linear begins as plain torch, which trains and runs everywhere. Packing hands its weight to a
kernel that keeps it in its own form, and frees the plain weight.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Kernel = Callable[[Tensor], Tensor]
MakeKernel = Callable[[Tensor, Tensor | None], Kernel]

_PACKED_FOR_ROWS = 32  # this form is the fastest measured at 1, 8 and 32 rows alike


class Linear(nn.Module):
    """A linear layer, x W^T + b. weight: [outputs, inputs]; bias: [outputs] or None."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = nn.Parameter(torch.empty(outputs, inputs))
        self.bias: nn.Parameter | None = nn.Parameter(torch.empty(outputs)) if bias else None
        self._kernel: Kernel | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map x [rows, inputs] to [rows, outputs]."""
        if self._kernel is not None:
            return self._kernel(x)
        assert self.weight is not None  # noqa: S101 - for mypy: packing alone takes it away
        return functional.linear(x, self.weight, self.bias)

    def lend(self, take: Callable[[Tensor], Tensor]) -> None:
        """Give a layer on the meta device memory to be filled, until it is packed.

        ``take`` returns borrowed memory for the weight, of which packing makes a copy. The bias
        gets memory of its own, since the kernel keeps it.
        """
        if self.weight is not None:
            self.weight = nn.Parameter(take(self.weight), requires_grad=False)
        if self.bias is not None:
            own = torch.empty_like(self.bias, device="cpu")
            self.bias = nn.Parameter(own, requires_grad=False)

    def pack(self, make: MakeKernel) -> None:
        """Let a kernel compute the product from now on, and free the plain weight."""
        if self.weight is not None:
            self._kernel = make(self.weight.data, None if self.bias is None else self.bias.data)
            self.weight = self.bias = None


class VocabTable(nn.Module):
    """Rows of the tied embedding, and the head, which is the same matrix.

    weight: [rows, width] of the tokens first .. first + rows - 1. reduce: sums over the ranks that
    hold the other rows; None where there are none.
    """

    def __init__(
        self, rows: int, width: int, *, first: int, reduce: Callable[[Tensor], Tensor] | None
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))
        self._rows, self._first, self._reduce = rows, first, reduce
        self._dtype: torch.dtype | None = None
        self._kernel: Kernel | None = None

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up tokens [tokens] int64 and return [tokens, width]."""
        if self._reduce is None:
            return self._typed(functional.embedding(tokens, self.weight))
        own = tokens - self._first
        foreign = (own < 0) | (own >= self._rows)
        embedded = self._typed(functional.embedding(own.masked_fill(foreign, 0), self.weight))
        return self._reduce(embedded.masked_fill(foreign[:, None], 0.0))

    def project(self, hidden: Tensor) -> Tensor:
        """Return the logits [rows, own tokens] fp32 of hidden states [rows, width]."""
        if self._kernel is not None:
            return self._kernel(hidden).float()
        return functional.linear(hidden, self.weight).float()

    def adopt(self, stored: Tensor, dtype: torch.dtype) -> None:
        """Look rows up in ``stored`` from now on, and return them in this dtype.

        stored: [rows, width] in any dtype, mapped from a file, so that it takes no memory.
        """
        self.weight, self._dtype = nn.Parameter(stored, requires_grad=False), dtype

    def pack(self, plain: Tensor, make: MakeKernel) -> None:
        """Pack the head. plain: the table in the model's dtype, in memory that may be reused."""
        self._kernel = make(plain, None)

    def _typed(self, rows: Tensor) -> Tensor:
        return rows if self._dtype is None else rows.to(self._dtype)


def kernel_maker(device: str, dtype: str) -> MakeKernel | None:
    """Return the function that packs weights for a kernel; None where plain torch is fastest.

    dtype: float32, bfloat16, float16 or int8. int8 raises ValueError on anything but a CPU.
    """
    on_cpu = torch.device(device).type == "cpu"
    if dtype == "int8":
        if not on_cpu:
            raise ValueError(f"int8 weights run on cpu alone, not on {device}")
        return int8_kernel
    packs = on_cpu and _has_packed_linear() and (dtype == "float32" or _packs_bfloat16(dtype))
    return packed_kernel if packs else None


def packed_kernel(weight: Tensor, bias: Tensor | None) -> Kernel:
    """Make a kernel of oneDNN over a weight in oneDNN's own order; inputs must have its dtype."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _PACKED_FOR_ROWS)
    multiply = torch.ops.mkldnn._linear_pointwise

    def kernel(x: Tensor) -> Tensor:
        return multiply(x, packed, bias, "none", [], "")  # type: ignore[no-any-return]

    return kernel


def int8_kernel(weight: Tensor, bias: Tensor | None) -> Kernel:
    """Make a kernel over int8 weights with one scale per output.

    Inputs are fp32, rounded to 8 bits by one scale per call, so what else is in a batch changes
    results a little. torch is about to drop these operators, so nothing else here uses them.
    """
    weight = weight.float()
    scales = torch.linalg.vector_norm(weight, ord=torch.inf, dim=1).clamp_min(1e-12) / 127
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the operators' removal
        rounded = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.float())
    multiply, narrow = torch.ops.quantized.linear_dynamic, not _has_vnni()

    def kernel(x: Tensor) -> Tensor:
        return multiply(x, packed, narrow)  # type: ignore[no-any-return]

    return kernel


def _has_packed_linear() -> bool:
    return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")


def _packs_bfloat16(dtype: str) -> bool:
    """Tell whether oneDNN takes bfloat16 weights, which needs AVX-512."""
    return dtype == "bfloat16" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _has_vnni() -> bool:
    """Tell whether the CPU has VNNI. Without it inputs are cut to 7 bits, lest sums overflow."""
    for name in ("_is_vnni_supported", "_is_cpu_support_vnni"):  # newer torch, older torch
        if hasattr(torch.cpu, name):
            return bool(getattr(torch.cpu, name)())
    return False
