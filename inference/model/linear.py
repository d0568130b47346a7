"""Matrix products by device and dtype.

A Linear begins as plain torch, which trains and runs everywhere. Packing hands its weight to a
kernel that keeps it in a form of its own, and lets the plain one go.
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
    """x W^T + b. x: [rows, inputs]; weight: [outputs, inputs]; bias: [outputs] or None."""

    def __init__(self, inputs: int, outputs: int, *, bias: bool) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = nn.Parameter(torch.empty(outputs, inputs))
        self.bias: nn.Parameter | None = nn.Parameter(torch.empty(outputs)) if bias else None
        self._kernel: Kernel | None = None

    def forward(self, x: Tensor) -> Tensor:
        """[rows, outputs]."""
        if self._kernel is not None:
            return self._kernel(x)
        assert self.weight is not None  # noqa: S101 - for mypy: packing alone takes it away
        return functional.linear(x, self.weight, self.bias)

    def lend(self, take: Callable[[Tensor], Tensor]) -> None:
        """Give a model of shapes alone memory to be filled and packed; ``take`` lends the weight's.

        The bias has memory of its own, for the kernel keeps it.
        """
        if self.weight is not None:
            self.weight = nn.Parameter(take(self.weight), requires_grad=False)
        if self.bias is not None:
            own = torch.empty_like(self.bias, device="cpu")
            self.bias = nn.Parameter(own, requires_grad=False)

    def pack(self, make: MakeKernel) -> None:
        """Leave the product to a kernel; the plain weight is given up."""
        if self.weight is not None:
            self._kernel = make(self.weight.data, None if self.bias is None else self.bias.data)
            self.weight = self.bias = None


class VocabTable(nn.Module):
    """Rows of the tied embedding, and the head that is the same matrix.

    weight: [rows, width], tokens first .. first + rows - 1; ``reduce`` sums over those who hold
    the other rows.
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
        """tokens: [tokens] int64. Returns [tokens, width]."""
        if self._reduce is None:
            return self._typed(functional.embedding(tokens, self.weight))
        own = tokens - self._first
        foreign = (own < 0) | (own >= self._rows)
        found = self._typed(functional.embedding(own.masked_fill(foreign, 0), self.weight))
        return self._reduce(found.masked_fill(foreign[:, None], 0.0))

    def project(self, hidden: Tensor) -> Tensor:
        """hidden: [rows, width]. Returns this table's logits [rows, own rows] fp32."""
        if self._kernel is not None:
            return self._kernel(hidden).float()
        return functional.linear(hidden, self.weight).float()

    def adopt(self, stored: Tensor, dtype: torch.dtype) -> None:
        """Look rows up where they are stored, in whatever dtype, and return them in this one.

        stored: [rows, width], mapped from a file, so that it takes no memory of its own.
        """
        self.weight, self._dtype = nn.Parameter(stored, requires_grad=False), dtype

    def pack(self, plain: Tensor, make: MakeKernel) -> None:
        """Pack the head. plain: the table in the model's dtype, which may change afterwards."""
        self._kernel = make(plain, None)

    def _typed(self, rows: Tensor) -> Tensor:
        return rows if self._dtype is None else rows.to(self._dtype)


def kernel_maker(device: str, dtype: str) -> MakeKernel | None:
    """What packs weights there, or None where plain torch is the best there is.

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
    """oneDNN's product over a weight in oneDNN's own order; x, weight: the same dtype."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _PACKED_FOR_ROWS)
    multiply = torch.ops.mkldnn._linear_pointwise

    def kernel(x: Tensor) -> Tensor:
        return multiply(x, packed, bias, "none", [], "")  # type: ignore[no-any-return]

    return kernel


def int8_kernel(weight: Tensor, bias: Tensor | None) -> Kernel:
    """int8 weights, one scale per output; x: fp32, rounded to 8 bits by one scale per call.

    So what shares a batch moves results a little. torch is about to drop these operators, which
    is why nothing else here knows them.
    """
    weight = weight.float()
    scales = torch.linalg.vector_norm(weight, ord=torch.inf, dim=1).clamp_min(1e-12) / 127
    zeros = torch.zeros(len(scales), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # says that these operators will go
        rounded = torch.quantize_per_channel(weight, scales.double(), zeros, 0, torch.qint8)
    packed = torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.float())
    multiply, narrow = torch.ops.quantized.linear_dynamic, not _has_vnni()

    def kernel(x: Tensor) -> Tensor:
        return multiply(x, packed, narrow)  # type: ignore[no-any-return]

    return kernel


def _has_packed_linear() -> bool:
    return torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")


def _packs_bfloat16(dtype: str) -> bool:
    """Without AVX-512 oneDNN refuses bfloat16 weights."""
    return dtype == "bfloat16" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _has_vnni() -> bool:
    """Without VNNI sums of 8-bit products may overflow, unless inputs are cut to 7 bits."""
    for name in ("_is_vnni_supported", "_is_cpu_support_vnni"):  # newer torch, older torch
        if hasattr(torch.cpu, name):
            return bool(getattr(torch.cpu, name)())
    return False
