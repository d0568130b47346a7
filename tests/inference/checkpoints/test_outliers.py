"""A shard that was damaged before its sums were made is pointed at, and converted all the same."""

from inference.checkpoints.outliers import TIMES
from tests.inference import metaseq_files
from tests.inference.conversions import SIZES
from tests.inference.tiny_opts import random_opt

NAME = "decoder.layers.3.fc2.weight"


def save(folder, factor):
    """Cut a model of five layers, one number of which is so many times as large as others."""
    peer = random_opt(**SIZES, num_hidden_layers=5)
    weight = dict(peer.named_parameters())[f"model.{NAME}"]
    weight.data[0, -1] = weight.abs().max() * factor  # in the columns of the last part
    metaseq_files.save_raw(folder, peer, parts=2, shards=3)


def test_its_file_and_weight_are_told_by_the_dry_run_too(source, converted):
    save(source, 5000)
    for options in (("--dry-run",), ()):
        [sentence] = converted(*options)["unusual"]
        assert sentence.startswith(f"model.{NAME} reaches ")
        assert "checkpoint_last-model_part-1-shard" in sentence
        assert "Compare its sum" in sentence
    assert "unusual" not in converted()  # it was examined then


def test_layers_that_differ_by_less_are_not(source, converted):
    save(source, TIMES / 3)
    assert converted("--dry-run")["unusual"] == []
