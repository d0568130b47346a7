"""Weights renamed, cast, cut and left out; files of another model beside them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.inference.folders import others, weights
from tests.inference.folders.mutations import Mutation, as_json, damaged, remove, write

FILE, INDEX = "model.safetensors", "model.safetensors.index.json"
HEAD, EMBEDDING = "lm_head.weight", "model.decoder.embed_tokens.weight"
LAYER, NORM = "model.decoder.layers.0.", "model.decoder.final_layer_norm.bias"
Tensors = dict[str, torch.Tensor]


def rewritten(
    title: str, change: Callable[[Tensors], Tensors], *named: str, plain: bool = False, **said
) -> Mutation:
    """Change the file's tensors, or its metadata."""

    def apply(folder: Path) -> None:
        with safe_open(folder / FILE, "pt") as file:
            metadata = (file.metadata() or {}) | said
        tensors = change(load_file(folder / FILE))
        metadata = {name: text for name, text in metadata.items() if text is not None}
        save_file({n: t.contiguous().clone() for n, t in tensors.items()}, folder / FILE, metadata)

    return Mutation(f"{FILE}: {title}", apply, (FILE, *named), plain)


def without(*names: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: t for name, t in tensors.items() if name not in names}


def renamed(name: Callable[[str], str]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name(old): tensor for old, tensor in tensors.items()}


def cast(dtype: torch.dtype, *names: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {
        name: tensor.to(dtype) if not names or name in names else tensor
        for name, tensor in tensors.items()
    }


def reshaped(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Mutation:
    return rewritten(
        f"{name} reshaped", lambda tensors: tensors | {name: change(tensors[name])}, name
    )


def unchanged(tensors: Tensors) -> Tensors:
    return tensors


def of_weights(_: Path) -> Iterator[list[Mutation]]:
    for name in (
        HEAD,
        LAYER + "fc1.weight",
        LAYER + "fc1.bias",
        "model.decoder.final_layer_norm.bias",
    ):
        yield [rewritten(f"{name} left out", without(name), name, EMBEDDING)]
    yield [
        rewritten("names without model.", renamed(lambda name: name.removeprefix("model.")),
                  plain=True),
        rewritten("one name without model.",
                  renamed(lambda name: name.removeprefix("model.") if "fc1" in name else name)),
        *(
            rewritten(f"names after {prefix}", renamed(lambda n, p=prefix: p + n), prefix)
            for prefix in ("module.", "base_model.model.", "model.", "_orig_mod.")
        ),
        rewritten("one name in capitals", renamed(lambda name: name.replace("fc1", "FC1")), "FC1"),
    ]  # fmt: skip
    yield [
        rewritten(f"{name} more", lambda tensors, n=name: tensors | {n: torch.ones(4)}, name)
        for name in ("extra", "lm_head.bias", "decoder.version", LAYER + "fc3.weight",
                     LAYER + "self_attn.rotary_emb.inv_freq", LAYER + "fc1.weight_scale")
    ]  # fmt: skip
    dtypes = torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn, torch.int8
    yield [
        rewritten(f"all in {dtype}", cast(dtype), HEAD, EMBEDDING, plain=dtype in dtypes[:3])
        for dtype in dtypes
    ]
    yield [
        rewritten(f"one in {dtype}", cast(dtype, LAYER + "fc1.weight"), LAYER + "fc1.weight")
        for dtype in (torch.float16, torch.float64, torch.int32, torch.float8_e4m3fn)
    ]
    yield [
        reshaped(LAYER + "self_attn.q_proj.weight", lambda tensor: tensor.flatten()),
        reshaped(LAYER + "fc1.weight", lambda tensor: tensor.T),
        reshaped(LAYER + "fc1.bias", lambda tensor: tensor[None]),
        reshaped(HEAD, lambda tensor: tensor[:-8]),
        reshaped(HEAD, lambda tensor: torch.cat([tensor, tensor[:8]])),
        reshaped("model.decoder.embed_positions.weight", lambda tensor: tensor[2:]),
    ]
    yield [
        rewritten("both names of the table", lambda t: t | {EMBEDDING: t[HEAD]}, plain=True),
        rewritten(
            "the table by the other name",
            lambda t: without(HEAD)(t) | {EMBEDDING: t[HEAD]},
            plain=True,
        ),
        rewritten("two different tables", lambda t: t | {EMBEDDING: t[HEAD] * 2}, HEAD),
        rewritten(
            "the table thrice",
            lambda t: t | {EMBEDDING: t[HEAD], EMBEDDING[6:]: t[HEAD]},
            EMBEDDING[6:],
        ),
    ]
    yield [
        rewritten("no format", unchanged, plain=True, format=None),
        rewritten("format tf", unchanged, format="tf"),
        rewritten("format np", unchanged, format="np"),
        rewritten("an alias that nobody stored", without(LAYER + "fc1.bias"), LAYER + "fc1.bias",
                  **{LAYER + "fc1.bias": "model.decoder.layers.1.fc1.bias"}),
        rewritten("an alias of nothing", unchanged, a="b"),
        rewritten("no alias", unchanged, plain=True, **{EMBEDDING: None}),
    ]  # fmt: skip
    yield [
        write(FILE, "bytes after the end", lambda data: data + b"\0" * 8),
        write(FILE, "a long header", lambda data: b"\xff" * 8 + data[8:]),
        write(FILE, "a broken header", lambda data: data[:9] + b"!" + data[10:]),
    ]
    yield damaged(FILE)


def of_index(folder: Path) -> Iterator[list[Mutation]]:
    homes = json.loads((folder / INDEX).read_text())["weight_map"]
    first, last = min(homes.values()), max(homes.values())
    name = next(name for name, home in homes.items() if home == first)

    def mapped(title: str, change, *named: str) -> Mutation:
        inside = as_json(lambda index: index | {"weight_map": change(index["weight_map"])})
        return write(INDEX, title, inside, *named)

    yield [
        mapped("a name lost", without(name), name),
        mapped("a name more", lambda homes: homes | {"extra": first}, "extra"),
        mapped("a name in another file", lambda homes: homes | {name: last}, name),
        mapped("an absent file", lambda homes: homes | {name: "model-9.safetensors"}, "model-9"),
        mapped("a file elsewhere", lambda homes: homes | {name: f"../{first}"}, first),
        mapped("no names", lambda homes: {}, EMBEDDING),
        mapped("numbers for files", lambda homes: dict.fromkeys(homes, 1)),
        mapped("a list", list),
        write(INDEX, "no weight_map", as_json(lambda index: {"metadata": index["metadata"]})),
        write(INDEX, "no metadata", as_json(lambda index: {"weight_map": index["weight_map"]})),
        write(INDEX, "another size", as_json(lambda i: i | {"metadata": {"total_size": 1}})),
    ]
    yield damaged(INDEX, first)
    yield [remove(first), *damaged(last)]


def of_files_beside(_: Path) -> Iterator[list[Mutation]]:
    """Make a folder hold more than one model's files."""
    yield [_another(name) for name in (
        FILE, "pytorch_model.bin", "model-00001-of-00002.safetensors", "model.fp16.safetensors",
        "adapter_model.safetensors", "adapter_model.bin", "consolidated.safetensors", "restored.pt",
        "pytorch_model-00001-of-00002.bin", "training_state.pt", "optimizer.pt", "sub/model.bin",
    )]  # fmt: skip
    stale = json.dumps({"metadata": {}, "weight_map": {HEAD: "model-00001-of-00001.safetensors"}})
    texts = {
        INDEX: stale, "pytorch_model.bin.index.json": stale.replace("safetensors", "bin"),
        "tf_model.h5": "x", "flax_model.msgpack": "x", "rust_model.ot": "x", "model.onnx": "x",
        "chat_template.jinja": "{{ messages }}", "modeling_opt.py": "raise SystemExit",
        "quantize_config.json": "{}",
        "preprocessor_config.json": "{}", "tokenizer.model": "x", "trainer_state.json": "{}",
        "original/config.json": "{}", "README.md": "---\nbase_model: x\n---\n", "notes.txt": "x",
    }  # fmt: skip
    yield [_text(name, text) for name, text in texts.items()]
    yield [
        Mutation("adapter_config.json: beside", lambda folder: others.adapter(folder), ("adapter",))
    ]


def _text(name: str, text: str) -> Mutation:
    def apply(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return Mutation(f"{name}: beside", apply, (name,), plain=True)


def _another(name: str) -> Mutation:
    """Weights of another model of the same shape."""

    def apply(folder: Path) -> None:
        peer = weights.opt(init_std=0.5)
        tensors = {n: t.clone() for n, t in peer.state_dict().items() if n != HEAD}
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".safetensors"):
            save_file(tensors, folder / name, {"format": "pt"})
        else:
            torch.save(tensors, folder / name)

    return Mutation(f"{name}: of another model, beside", apply, (name,))
