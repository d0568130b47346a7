"""Plan the way of a model to its GPUs: disk, bytes read and written, time."""

import json

import pytest

from inference.__main__ import main
from inference.plan import Machine, named_gpu, named_shape, steps_of

GB = 1e9


def steps(gpus=16, gpu="v100-32", dtype="float16", speed=1e9, cores=8):
    machine = Machine(gpus, named_gpu(gpu), gpus)
    rows = steps_of(
        named_shape("opt-175b"), machine, dtype=dtype, disk_bytes_per_second=speed, cores=cores
    )
    return {step.name: step for step in rows}


@pytest.mark.parametrize(
    ("gpus", "gpu", "minutes"),
    [
        (16, "v100-32", {"check": 5.8, "convert": 27.9, "publish": 20.4, "load": 5.8}),
        (8, "a100-80", {"check": 5.8, "convert": 27.9, "publish": 20.4, "load": 11.6}),
    ],
)
def test_opt_175b_at_a_gigabyte_a_second(gpus, gpu, minutes):
    assert {name: step.seconds / 60 for name, step in steps(gpus, gpu).items()} == pytest.approx(
        minutes, abs=0.1
    )


def test_hosts_share_what_is_read_to_load():
    one, two = steps(8, "a100-80"), steps(16, "v100-32")
    assert one["load"].read_bytes / GB == pytest.approx(698.4, abs=0.1)
    assert two["load"].read_bytes / GB == pytest.approx(349.2, abs=0.1)
    assert one["convert"].written_bytes == one["check"].read_bytes == two["publish"].written_bytes


def test_a_slow_disk_decides_and_then_a_slow_processor():
    assert steps(speed=0.1e9)["check"].seconds == pytest.approx(3492, abs=1)
    assert steps(speed=100e9, cores=1)["check"].seconds == pytest.approx(349.2 * 1.9, abs=1)


def test_int8_is_read_from_float16_files():
    assert steps(dtype="int8") == steps()
    assert steps(dtype="float32")["check"].read_bytes == 2 * steps()["check"].read_bytes


def test_the_command_tells_disk_and_steps_of_what_this_engine_runs(capsys):
    arguments = ["plan", "--name", "opt-175b", "--gpus", "16", "--gpu", "v100-32"]
    assert main([*arguments, "--disk-gb-s", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert "1,048 GB for the files as they came, converted and published; 698 where" in printed
    assert "to convert       reads 698 GB, writes 349: 35 min" in printed
    assert main([*arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["steps"]
    assert [row["name"] for row in rows] == ["check", "convert", "publish", "load"]
    main(["plan", "--name", "palm-540b", "--gpus", "16", "--gpu", "a100-80"])
    assert "to convert" not in capsys.readouterr().out
