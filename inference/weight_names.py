"""Names of stored weights, and the model's names of them. Free of torch."""

import re

EMBEDDING = "model.decoder.embed_tokens.weight"
TIED_HEAD = "lm_head.weight"
# No part of the model: fairseq's version mark, and buffers that could be computed again.
_LEFTOVER = re.compile(
    r"(model\.)?decoder\.(version|position_ids|embed_positions\.(position_ids|_float_tensor))"
)
_PREFIXED = re.compile(r"model\.(model\.decoder\..*|lm_head\.weight)")
_OF_ADAPTER = re.compile(
    r"^base_model\.model\.|\.base_layer\.|\.(lora|ia3|vera)_\w+|\.modules_to_save\."
)


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
    """Tell what old versions stored beside the weights, and no version reads."""
    return _LEFTOVER.fullmatch(stored_name) is not None


def is_of_adapter(stored_name: str) -> bool:
    """Tell the names that PEFT gives to the weights of a model with an adapter in it."""
    return _OF_ADAPTER.search(stored_name) is not None
