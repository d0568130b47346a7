import pytest
import torch
from torch.nn import functional

from inference.model.linear import Linear, VocabTable, int8_kernel, kernel_maker, packed_kernel

ROWS = [0, 1, 7, 40]


def make_linear(bias, dtype=torch.float32):
    torch.manual_seed(1)
    linear = Linear(48, 80, bias=bias).to(dtype).requires_grad_(False)
    for parameter in linear.parameters():
        parameter.normal_(0, 0.2)
    return linear


def inputs(rows, dtype=torch.float32):
    return torch.randn(rows, 48, generator=torch.Generator().manual_seed(rows)).to(dtype)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_float_kind_is_the_plain_product(dtype, rows, bias):
    """Whatever this CPU has for the dtype: packed, or plain where it refuses."""
    kind = getattr(torch, dtype)
    linear, x = make_linear(bias, kind), inputs(rows, kind)
    expected = functional.linear(x, linear.weight, linear.bias)
    make = kernel_maker("cpu", dtype)
    if make is not None:
        linear.pack(make)
        assert linear.weight is None
    # halves: the last bit of sums of 48 products up to about 8
    tolerance = {"float32": 1e-5, "bfloat16": 6e-2, "float16": 1e-2}[dtype]
    torch.testing.assert_close(linear(x), expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("rows", ROWS)
def test_int8_is_the_plain_product_within_its_roundings(rows):
    linear, x = make_linear(bias=True), inputs(rows)
    expected = functional.linear(x, linear.weight, linear.bias)
    weight_step = linear.weight.abs().amax(dim=1) / 127
    x_step = (x.max() - x.min()) / 127 if rows else 0.0  # 7 bits where sums might overflow
    most = weight_step / 2 * x.abs().sum(1, keepdim=True) + x_step * linear.weight.abs().sum(1)
    linear.pack(int8_kernel)
    assert ((linear(x) - expected).abs() <= most + 1e-5).all()


def test_an_int8_weight_of_zeros_is_zeros():
    kernel = int8_kernel(torch.zeros(80, 48), None)
    assert not kernel(inputs(7)).any()


def test_a_cpu_that_refuses_packed_bfloat16_computes_it_plain(monkeypatch):
    monkeypatch.setattr("inference.model.linear._packs_bfloat16", lambda dtype: False)
    assert kernel_maker("cpu", "bfloat16") is None
    assert kernel_maker("cpu", "float32") is packed_kernel


def test_gpus_compute_plain_and_have_no_int8():
    assert kernel_maker("cuda:0", "float16") is None
    with pytest.raises(ValueError, match="int8 weights run on cpu alone, not on cuda:0"):
        kernel_maker("cuda:0", "int8")


def test_an_adopted_table_looks_up_what_is_stored_and_packs_the_head_alone():
    torch.manual_seed(2)
    stored, hidden = torch.randn(30, 48).to(torch.float16), torch.randn(5, 48)
    tokens = torch.tensor([0, 29, 7])
    table = VocabTable(30, 48, first=0, reduce=None)
    table.adopt(stored, torch.float32)
    table.pack(stored.float(), packed_kernel)
    assert table.weight.data_ptr() == stored.data_ptr()
    assert torch.equal(table(tokens), stored[tokens].float())
    torch.testing.assert_close(table.project(hidden), hidden @ stored.float().T)


def test_shares_of_a_table_sum_up_to_the_whole():
    torch.manual_seed(3)
    whole, tokens = torch.randn(30, 8), torch.tensor([0, 9, 10, 29])
    summands = []
    for first in (0, 10, 20):
        table = VocabTable(10, 8, first=first, reduce=lambda rows: rows).requires_grad_(False)
        table.weight.copy_(whole[first : first + 10])
        summands.append(table(tokens))
    assert torch.equal(sum(summands), whole[tokens])
