import json

import pytest
import torch

from inference import Engine
from inference.__main__ import main
from inference.config import OptConfig
from inference.engine.model_runner import kv_cache_dtype
from inference.errors import InferenceError
from inference.model.loader import DTYPES
from inference.plan import named_config
from inference.plan.memory_check import (
    DoesNotFit,
    _container_bytes,
    available_bytes,
    require_memory,
)


def test_a_model_that_cannot_fit_is_refused_before_its_weights_are_looked_for(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(named_config("opt-175b").to_dict()))
    with pytest.raises(DoesNotFit, match=r"698\.4 GB in float32 .* plan` says what would do"):
        Engine(tmp_path)
    assert main(["generate", "--model", str(tmp_path), "x"]) == 2
    assert "doesn't fit" in capsys.readouterr().err


def test_ranks_share_what_is_needed_unless_they_share_the_memory():
    config = named_config("opt-175b")
    require_memory(config, "float16", "cuda", 16, available=23 * 10**9)
    with pytest.raises(DoesNotFit, match=r"22\.4 GB on the fullest of 16 devices"):
        require_memory(config, "float16", "cuda", 16, available=22 * 10**9)
    with pytest.raises(DoesNotFit):
        require_memory(config, "float16", "cpu", 16, available=23 * 10**9)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8"])
def test_the_cache_counts_as_it_is_allocated(dtype):
    config = named_config("opt-175b")
    assert kv_cache_dtype("cpu", DTYPES[dtype]) == torch.float32
    with pytest.raises(DoesNotFit, match=r"one sequence of 2048 tokens 19\.3 GB"):
        require_memory(config, dtype, "cpu", available=0)
    with pytest.raises(DoesNotFit, match=r"one sequence of 2048 tokens 9\.7 GB"):
        require_memory(config, "float16", "cuda", available=0)


def test_ranks_that_map_their_tables_need_no_more_for_two_stages():
    config = named_config("opt-6.7b")
    for dtype in ("int8", "float16"):  # packed everywhere, and nowhere
        with pytest.raises(DoesNotFit) as alone:
            require_memory(config, dtype, "cpu", available=0)
        with pytest.raises(DoesNotFit) as staged:
            require_memory(config, dtype, "cpu", 1, 2, available=0)
        assert (str(alone.value) == str(staged.value)) == (dtype == "int8")


def test_a_small_model_fits(plain_opt):
    assert available_bytes("cpu") > 0
    require_memory(OptConfig.from_directory(plain_opt[0]), "float32", "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said(plain_opt):
    with pytest.raises(InferenceError, match="torch sees no GPU here"):
        Engine(plain_opt[0], device="cuda")


def test_an_unknown_dtype_is_an_options_fault(plain_opt):
    with pytest.raises(ValueError, match=r"dtype must be one of .*, not 'float8'"):
        Engine(plain_opt[0], dtype="float8")


def test_a_containers_limit_counts_without_its_files_pages(tmp_path):
    assert _container_bytes(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 250\nactive_file 50\n")
    assert _container_bytes(tmp_path) == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert _container_bytes(tmp_path) is None
