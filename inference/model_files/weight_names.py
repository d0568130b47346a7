"""Translate names of stored weights to the model's names. Free of torch."""

import re
from collections.abc import Iterable
from pathlib import Path

from inference.errors import CheckpointError

EMBEDDING = "model.decoder.embed_tokens.weight"
TIED_HEAD = "lm_head.weight"
# No part of the model: fairseq's version mark, and buffers that could be computed again.
_LEFTOVER = re.compile(
    r"(model\.)?decoder\.(version|position_ids|embed_positions\.(position_ids|_float_tensor))"
)
_PREFIXED = re.compile(r"model\.(model\.decoder\..*|lm_head\.weight)")
# Names that tell who wrote a file, and so what must be done before it can be read.
_FOREIGN = (
    (
        re.compile(r"^base_model\.model\.|\.base_layer\.|\.(lora|ia3|vera)_\w+|\.modules_to_save\."),
        "the weights of an adapter",
        "merge it into the model with PEFT's merge_and_unload, and save that model",
    ),
    (
        re.compile(
            r"\.(qweight|qzeros|g_idx|SCB|weight_packed|weight\.(absmax|quant_map|quant_state\..*))$"
        ),
        "quantized matrices",
        "take the model's unquantized weights, or dequantize and save them",
    ),
    (
        re.compile(r"^(module|_orig_mod|_forward_module|_fsdp_wrapped_module)\."),
        "the names of a wrapper around the model",
        "save the model inside it (model.module, or model._orig_mod) with save_pretrained",
    ),
)  # fmt: skip


def canonical_name(stored_name: str) -> str:
    """Return the model's name of a stored one.

    As in transformers, the leading "model." may be absent, as in folders of OPTModel and in early
    conversions, or stand there once too often.
    """
    if stored_name.startswith("decoder."):
        return f"model.{stored_name}"
    prefixed = _PREFIXED.fullmatch(stored_name)
    return prefixed[1] if prefixed else stored_name


def is_leftover(stored_name: str) -> bool:
    """Tell whether a name is of data that old versions stored and no version reads."""
    return _LEFTOVER.fullmatch(stored_name) is not None


def require_own_names(stored: Iterable[tuple[str, Path]]) -> None:
    """Raise CheckpointError for the first name that no model of transformers has.

    stored: names with their files. The error says whose the name is, and what to do.
    """
    for name, path in stored:
        fault = _foreign(name)
        if fault is not None:
            raise CheckpointError(f"{path} holds {fault}")


def _foreign(stored_name: str) -> str | None:
    for pattern, kind, remedy in _FOREIGN:
        if pattern.search(stored_name):
            return f"{kind} ({stored_name}): {remedy}"
    return None
