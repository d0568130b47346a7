"""Meters count joules from their start; where none can be read, energy is estimated."""

from __future__ import annotations

import sys

import pytest

from portal.jobs.models import EnergySource
from tests.workers.energy.meters import install_nvml, make_zone
from workers.energy import nvml as nvml_module
from workers.energy import rapl as rapl_module
from workers.energy.account import EnergyAccount
from workers.energy.meter import EstimateMeter, MeterError, find_meter
from workers.energy.nvml import NvmlMeter
from workers.energy.rapl import RaplMeter


def test_rapl_adds_packages_and_memory_but_nothing_twice(tmp_path):
    files = [
        make_zone(tmp_path, zone, name)
        for zone, name in [
            ("intel-rapl:0", "package-0"),
            ("intel-rapl:0:1", "dram"),
            ("intel-rapl:1", "package-1"),
            # within the packages, over them, and the first package once more
            ("intel-rapl:0:0", "core"),
            ("intel-rapl:2", "psys"),
            ("intel-rapl-mmio:0", "package-0"),
        ]
    ]
    meter = RaplMeter(tmp_path)
    for number, file in enumerate(files):
        file.write_text(f"{10**number}\n")
    assert meter.joules(working=True) == pytest.approx(111 / 1e6)


def test_rapls_counter_begins_again_at_its_end(tmp_path):
    file = make_zone(tmp_path, "intel-rapl:0", "package-0", count=900, most=1000)
    meter = RaplMeter(tmp_path)
    file.write_text("50")
    assert meter.joules(working=True) == pytest.approx(150 / 1e6)
    file.write_text("60")
    assert meter.joules(working=True) == pytest.approx(160 / 1e6)


def test_nvml_adds_up_the_gpus_of_the_model(monkeypatch):
    nvml = install_nvml(monkeypatch, a=5000, b=7000, other=0)
    meter = NvmlMeter(["a", "b"])
    nvml.counts |= {"a": 6000, "b": 9500, "other": 10**9}
    assert meter.joules(working=True) == pytest.approx(3.5)
    nvml.counts["a"] = 250  # its driver was loaded anew
    assert meter.joules(working=False) == pytest.approx(3.75)


def test_an_estimate_is_time_by_the_assumed_power_at_work_and_idle(settings):
    settings.ENGINE_WATTS, settings.ENGINE_IDLE_WATTS = 100.0, 10.0
    times = iter([0.0, 2.0, 5.0])
    meter = EstimateMeter(clock=lambda: next(times))
    assert meter.joules(working=True) == 200.0
    assert meter.joules(working=False) == 230.0


@pytest.fixture
def powercap(monkeypatch, tmp_path):
    """Return a folder in the place of Linux's, empty."""
    monkeypatch.setattr(rapl_module.RaplMeter.__init__, "__defaults__", (tmp_path,))
    return tmp_path


def chosen(settings, **values):
    for name, value in values.items():
        setattr(settings, name, value)
    return find_meter().source


def test_a_worker_reads_what_its_device_has(settings, monkeypatch, powercap):
    make_zone(powercap, "intel-rapl:0", "package-0")
    install_nvml(monkeypatch, a=0)
    monkeypatch.setattr(nvml_module, "gpu_uuids", lambda: ["a"])
    assert chosen(settings, ENGINE_DEVICE="cpu") == EnergySource.RAPL
    assert chosen(settings, ENGINE_DEVICE="cuda") == EnergySource.NVML
    assert chosen(settings, ENERGY_METER="rapl") == EnergySource.RAPL
    assert chosen(settings, ENERGY_METER="estimate") == EnergySource.ESTIMATE


def unreadable(powercap):
    file = make_zone(powercap, "intel-rapl:0", "package-0")
    file.unlink()
    file.mkdir()  # root, who runs tests, may read every file


@pytest.mark.parametrize(
    ("device", "prepare", "says"),
    [
        pytest.param("cpu", lambda folder: None, "no zone of RAPL", id="no-rapl"),
        pytest.param("cpu", unreadable, "can’t be read", id="unreadable-rapl"),
        pytest.param("cuda", lambda folder: None, "isn’t installed", id="no-library"),
    ],
)
def test_a_worker_without_a_meter_runs_and_says_that_it_estimates(
    settings, monkeypatch, powercap, caplog, device, prepare, says
):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(nvml_module, "gpu_uuids", lambda: ["a"])
    prepare(powercap)
    assert chosen(settings, ENGINE_DEVICE=device) == EnergySource.ESTIMATE
    assert says in caplog.text
    assert "WEIGHTGATE_ENGINE_WATTS" in caplog.text


def test_gpus_that_torch_cannot_name_are_no_failure_of_the_worker(settings):
    """This is a machine without a GPU, as it is."""
    assert chosen(settings, ENGINE_DEVICE="cuda") == EnergySource.ESTIMATE


def test_a_driver_that_does_not_answer_is_a_meter_error(monkeypatch):
    nvml = install_nvml(monkeypatch, a=0)
    with pytest.raises(MeterError, match="Not Found"):
        NvmlMeter(["b"])
    nvml.away = "Driver Not Loaded"
    with pytest.raises(MeterError, match="Driver Not Loaded"):
        NvmlMeter(["a"])


def test_a_meter_that_fails_later_makes_way_for_an_estimate(monkeypatch, settings):
    nvml = install_nvml(monkeypatch, a=0)
    account = EnergyAccount(NvmlMeter(["a"]))
    nvml.counts["a"] = 4000
    measured = account.step(tokens=1)
    nvml.away = "GPU is lost"
    account.step(tokens=1)
    then = account.step(tokens=1)
    assert (measured.joules, measured.source) == (4.0, EnergySource.NVML)
    assert then.source == EnergySource.ESTIMATE
    assert (measured + then).source == EnergySource.ESTIMATE
