"""Read a Containerfile's instructions, and follow them in plain folders instead of layers."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from root import Root

CONTINUED = re.compile(r"\\\n\s*")


@dataclass(frozen=True)
class Instruction:
    """A line such as ``RUN make``: its name and its words."""

    name: str
    text: str


@dataclass
class ImageStage:
    """A root in the making, with what holds for the instructions that follow."""

    root: Root
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def run(self, command: list[str]) -> None:
        self.root.run(command, env=self.env, user=self.user, folder=self.folder)

    def inside(self, path: str) -> Path:
        """Return where a path of the stage lies on the host."""
        return self.root.folder / (Path(self.folder) / path).relative_to("/")


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Containerfile; comments and empty lines are left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in CONTINUED.sub("", lines).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            yield Instruction(name, rest.strip())


def build(
    text: str, base: Root, context: Path, arguments: dict[str, str], env: dict[str, str]
) -> ImageStage:
    """Follow a Containerfile: each FROM is a copy of the base. Return the last stage.

    ``env`` is for the programs of this machine alone, such as where pip finds packages.

    Raise ValueError for an instruction that isn't known, CalledProcessError for one that fails.
    """
    stages: dict[str, ImageStage] = {}
    stage = ImageStage(base)
    for instruction in instructions(text):
        print(f"{instruction.name} {instruction.text}", flush=True)
        if instruction.name == "FROM":
            _, _, name = instruction.text.partition(" AS ")
            stage = stages[name] = ImageStage(base.copied(f"stage-{len(stages)}"), dict(env))
        else:
            _follow(instruction, stage, stages, context, arguments)
    return stage


def _follow(
    instruction: Instruction,
    stage: ImageStage,
    stages: dict[str, ImageStage],
    context: Path,
    arguments: dict[str, str],
) -> None:
    text = instruction.text
    match instruction.name:
        case "RUN":
            stage.run(["sh", "-euc", text])
        case "COPY":
            _copy(shlex.split(text), stage, stages, context)
        case "ARG":
            name, _, default = text.partition("=")
            stage.env[name] = arguments.get(name, default)
        case "ENV":
            for word in shlex.split(text):
                name, _, value = word.partition("=")
                stage.env[name] = value.replace("$PATH", Root.PATH)
        case "USER":
            stage.user = text
        case "WORKDIR":
            stage.folder = text
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        case "ENTRYPOINT":
            stage.entrypoint = _words(text)
        case "CMD":
            stage.arguments = _words(text)
        case name:
            raise ValueError(f"{name} isn't known here")


def _copy(
    words: list[str], stage: ImageStage, stages: dict[str, ImageStage], context: Path
) -> None:
    source = context
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root.folder
    *names, target = words
    for name in names:
        path, into = source / name.lstrip("/"), stage.inside(target)
        if path.is_dir():
            shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True)
        else:
            into.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)


def _words(text: str) -> list[str]:
    """Read the words of the form ``["weightgate", "--help"]``."""
    return re.findall(r'"([^"]*)"', text)
