import json

import pytest
import torch

from inference import Engine
from inference.__main__ import main
from tests.inference.conversions import SIZES
from tests.inference.tiny_opts import SHAPES, make_opt
from tests.inference.training import training_runs

torch.set_num_threads(1)


@pytest.fixture(scope="session", params=list(SHAPES))
def opt(request, tmp_path_factory):
    """(directory, transformers' model) in each layout of the family."""
    directory = tmp_path_factory.mktemp("opt")
    return directory, make_opt(directory, **SHAPES[request.param])


@pytest.fixture(scope="session")
def plain_opt(tmp_path_factory):
    directory = tmp_path_factory.mktemp("plain-opt")
    return directory, make_opt(directory)


@pytest.fixture
def engine(plain_opt):
    """Prompts over 24 tokens come in pieces."""
    with Engine(model=plain_opt[0], max_num_seqs=8, max_num_batched_tokens=24) as engine:
        yield engine


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train the tiny preset, and return its directory."""
    from inference.training.settings import PRESETS
    from inference.training.train import TrainOptions, train

    directory = tmp_path_factory.mktemp("trained")
    train(PRESETS["tiny"], TrainOptions(directory, progress_bar=False), say=lambda _: None)
    return directory


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Return the weights of a short training that nothing interrupted."""
    directory = tmp_path_factory.mktemp("undisturbed")
    training_runs.go(directory)
    return training_runs.weights(directory)


@pytest.fixture
def trained_engine(trained):
    with Engine(model=trained, max_num_seqs=8) as engine:
        yield engine


@pytest.fixture(scope="session")
def peer(tmp_path_factory):
    """Return transformers' model that metaseq's files are made of."""
    return make_opt(tmp_path_factory.mktemp("peer"), **SIZES)


@pytest.fixture
def source(tmp_path):
    """Make an empty folder for a checkpoint."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def converted(source, tmp_path, capsys):
    """Convert and return what was told; with status, what was said of a refusal instead."""

    def run(*options, status=0, path=source):
        capsys.readouterr()  # what the writers of the source said
        arguments = [
            "convert",
            str(path),
            str(tmp_path / "out"),
            "--json",
            "--no-progress",
            *options,
        ]
        result = main(arguments), capsys.readouterr()
        assert result[0] == status, result
        return result[1].err if status else json.loads(result[1].out)

    return run
