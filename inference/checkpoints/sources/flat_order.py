"""Know what flat parameters hold if the files don't say: tools before October 2022 dropped it."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from inference.checkpoints.sources.expected import expected_shapes
from inference.checkpoints.sources.metaseq import FLAT, FUSED_ORDER, FlatParameter
from inference.config import OptConfig
from inference.errors import CheckpointError
from inference.model.layout import split_dim

_LAYER_ORDER = (
    "self_attn.qkv_proj",
    "self_attn.out_proj",
    "self_attn_layer_norm",
    "fc1",
    "fc2",
    "final_layer_norm",
)
_ROOT_ORDER = ("embed_tokens", "project_in_dim", "embed_positions")
_ROOT_END = ("layer_norm", "project_out_dim")
_MODEL_NAMES = {
    "project_in_dim": "project_in",
    "project_out_dim": "project_out",
    "layer_norm": "final_layer_norm",
}


def refuse(model: Mapping[str, Tensor]) -> list[FlatParameter]:
    """Return the layout of files without flat parameters. Raises CheckpointError for others."""
    if any(FLAT in key for key in model):
        raise CheckpointError(
            "the files hold flat parameters, and no shard_metadata that says how to cut them. "
            "Have them from metaseq's reshard_fsdp with --unflatten-weights True; or give "
            "--config and --assume-order to cut them in the order in which metaseq's modules "
            "register their weights"
        )
    return []


class RegistrationOrder:
    """The order in which metaseq's modules register their weights, with fused K, V, Q.

    It was read from metaseq's sources, and holds for each part of a model split over parts.
    """

    def __init__(self, config: OptConfig, parts: int) -> None:
        self._layers = config.num_hidden_layers
        self._shapes = {
            name.removeprefix("model."): _shape_in_part(name, shape, parts)
            for name, shape in expected_shapes(config).items()
        }

    def __call__(self, model: Mapping[str, Tensor]) -> list[FlatParameter]:
        """Return one part's layout: layers either have flat parameters of their own or don't."""
        wrapped = any(key.startswith("decoder.layers.") and FLAT in key for key in model)
        layers = [self._weights(f"decoder.layers.{n}.", _LAYER_ORDER) for n in range(self._layers)]
        root = self._weights("decoder.", _ROOT_ORDER)
        if wrapped:
            parameters = [
                _parameter(f"decoder.layers.{n}.{FLAT}_0", layer) for n, layer in enumerate(layers)
            ]
        else:
            parameters, root = [], [*root, *(weight for layer in layers for weight in layer)]
        root += self._weights("decoder.", _ROOT_END)
        return [_parameter(f"{FLAT}_0", root), *parameters]

    def _weights(self, prefix: str, modules: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
        weights = []
        for module in modules:
            for kind in ("weight", "bias"):
                shape = self._shape(prefix, module, kind)
                if shape is not None:
                    weights.append((f"{prefix}{module}.{kind}", shape))
        return weights

    def _shape(self, prefix: str, module: str, kind: str) -> tuple[int, ...] | None:
        if module.endswith("qkv_proj"):
            thirds = [
                self._shapes.get(f"{prefix}self_attn.{letter}_proj.{kind}")
                for letter in FUSED_ORDER
            ]
            first = thirds[0]
            return None if first is None else (3 * first[0], *first[1:])
        name = _MODEL_NAMES.get(module, module) if prefix == "decoder." else module
        return self._shapes.get(f"{prefix}{name}.{kind}")


def _parameter(key: str, weights: Sequence[tuple[str, tuple[int, ...]]]) -> FlatParameter:
    return FlatParameter(
        key, tuple(name for name, _ in weights), tuple(shape for _, shape in weights)
    )


def _shape_in_part(name: str, shape: tuple[int, ...], parts: int) -> tuple[int, ...]:
    axis = split_dim(name)
    return tuple(size // parts if at == axis else size for at, size in enumerate(shape))
