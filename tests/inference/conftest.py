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
    """A directory that the trainer's tiny preset filled."""
    from inference.training.settings import PRESETS
    from inference.training.train import TrainOptions, train

    directory = tmp_path_factory.mktemp("trained")
    train(PRESETS["tiny"], TrainOptions(directory, progress_bar=False), say=lambda _: None)
    return directory


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """The weights of a short training that nothing stopped on its way."""
    directory = tmp_path_factory.mktemp("undisturbed")
    training_runs.go(directory)
    return training_runs.weights(directory)


@pytest.fixture
def trained_engine(trained):
    with Engine(model=trained, max_num_seqs=8) as engine:
        yield engine


@pytest.fixture(scope="session")
def peer(tmp_path_factory):
    """transformers' model, of which metaseq's files are made."""
    return make_opt(tmp_path_factory.mktemp("peer"), **SIZES)


@pytest.fixture
def source(tmp_path):
    """An empty folder for a checkpoint."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def converted(source, tmp_path, capsys):
    """Convert and return what was told; with status, what was said of a refusal instead."""

    def run(*options, status=0, path=source):
        capsys.readouterr()  # what the writers of the source said
        asked = ["convert", str(path), str(tmp_path / "out"), "--json", "--no-progress", *options]
        found = main(asked), capsys.readouterr()
        assert found[0] == status, found
        return found[1].err if status else json.loads(found[1].out)

    return run
