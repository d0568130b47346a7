"""Read the weights in transformers' files, .bin or safetensors, by the model's names."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from inference.checkpoints.sources.faults import Faults
from inference.checkpoints.sources.forms import SAFETENSORS, Form
from inference.checkpoints.sources.stored import MergedTensor, StoredTensor
from inference.errors import CheckpointError
from inference.model.weight_files import (
    BinFile,
    SafetensorsFile,
    StoredWeight,
    WeightFile,
    model_weights,
)
from inference.model_files.weight_names import EMBEDDING, TIED_HEAD, canonical_name, is_leftover


@dataclass
class NamedWeights:
    """Weights by the model's names; aliases: further names that files hold, or stand for, of one.

    stored_names: what the files call each. dropped: sentences on what isn't read of the files.
    """

    weights: dict[str, MergedTensor] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    stored_names: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    @property
    def renamed(self) -> list[str]:
        """Return a sentence if files have weights by the bare model's names."""
        count = sum(self.stored_names[name].startswith("decoder.") for name in self.weights)
        return [f"{count} weights are named model.decoder.…, were decoder.…"] if count else []


def read_weights(form: Form, faults: Faults) -> NamedWeights:
    """Open all files, and require that the tied head and the embedding are one weight.

    Whether all weights are there is found by the config, not by the index. Raises CheckpointError
    naming every file that is absent or can't be read.
    """
    named = NamedWeights()
    files = _open_files(form)
    named.dropped += [sentence for file in files for sentence in _unread(file)]
    for file, weight in model_weights(files):
        _add(named, file, weight, faults)
    _tie(named, faults)
    return named


def _unread(file: WeightFile) -> Iterator[str]:
    """Yield sentences on metadata that isn't safetensors' own, and on leftovers."""
    if isinstance(file, SafetensorsFile):
        names = {weight.name for weight in file.weights()}
        notes = [
            key
            for key, value in file.metadata.items()
            if key != "format" and canonical_name(value) not in names
        ]
        if notes:
            yield f"the header of {file.path.name} isn't kept: {', '.join(sorted(notes))}"
    for weight in file.weights():
        if is_leftover(weight.stored_name):
            yield f"{weight.stored_name} in {file.path.name} isn't kept: no model reads it"


def _add(named: NamedWeights, file: WeightFile, weight: StoredWeight, faults: Faults) -> None:
    if weight.name in named.weights:
        before = named.weights[weight.name].paths[0].name
        faults.misshapen.append(
            f"{weight.name} is stored twice, in {before} and in {file.path.name}"
        )
    stored = StoredTensor.of(file.tensor(weight.stored_name), file.path)
    named.weights[weight.name] = MergedTensor((stored,))
    named.stored_names[weight.name] = weight.stored_name


def _tie(named: NamedWeights, faults: Faults) -> None:
    """Keep the embedding alone: transformers stores either of the two, or both."""
    head, embedding = named.weights.pop(TIED_HEAD, None), named.weights.get(EMBEDDING)
    if head is not None or named.stored_names.get(EMBEDDING, "").endswith(TIED_HEAD):
        named.aliases[TIED_HEAD] = EMBEDDING
    if head is not None and embedding is not None and not _same(head, embedding):
        faults.disagreeing.append(
            f"{TIED_HEAD} in {head.paths[0].name} and {named.stored_names[EMBEDDING]} in "
            f"{embedding.paths[0].name} differ, and OPT's head is its embedding"
        )


def _same(one: MergedTensor, other: MergedTensor) -> bool:
    alike = (one.shape, one.dtype) == (other.shape, other.dtype)
    return alike and not MergedTensor((*one.pieces, *other.pieces)).disagreement()


def _open_files(form: Form) -> list[WeightFile]:
    opened: list[WeightFile] = []
    wrong = [f"{name} is absent" for name in form.absent]
    kind = SafetensorsFile if form.kind == SAFETENSORS else BinFile
    for path in form.files.values():
        try:
            opened.append(kind(path))
        except CheckpointError as error:
            wrong.append(str(error))
    require_usable(wrong)
    return opened


def require_usable(wrong: list[str]) -> None:
    """Raise CheckpointError naming all files that can't be read, if there are any."""
    if wrong:
        raise CheckpointError("not all files can be used:\n  " + "\n  ".join(wrong))
