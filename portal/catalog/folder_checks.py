"""Check a folder before it becomes a revision: headers are read, nothing is unpickled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path, PurePath

from inference.errors import TokenizerError
from inference.model_files.lookalikes import PAGE, POINTERS, lookalike_in
from inference.model_files.weight_formats import WEIGHT_SUFFIXES
from inference.tokenizer.files import parse_tokenizer, read_pair
from portal.catalog.engine_files import adapter_problem, engine_problems
from portal.catalog.findings import Findings, first_problems
from portal.catalog.formats.card import card_problems
from portal.catalog.formats.pickle_imports import PickleImports, imports_of
from portal.catalog.formats.pickles import holds_pickle, is_called_pickle
from portal.catalog.paths import path_problem, tree_problems
from portal.catalog.weight_checks import INDEX, LARGEST_INDEX_BYTES, look_at_weights
from portal.errors import Invalid
from portal.parsing.json import read_json_file, require_json_text

LARGEST_FILE_BYTES = 50_000_000_000  # the Hub's clients refuse more over plain HTTP
LARGE_SHARD_BYTES = 2_000_000_000
NO_PAGES = (".json", ".txt", *WEIGHT_SUFFIXES)
TOKENIZER, PAIR = "tokenizer.json", ("vocab.json", "merges.txt")
READ_ELSEWHERE = frozenset({"config.json", TOKENIZER, *PAIR, INDEX})
REQUIRED = {
    "README.md": "write the model card",
    "LICENSE": "put the licence’s text beside the weights",
    "config.json": "clients can’t load a model without it",
    TOKENIZER: "clients can’t prompt a model without it; vocab.json with merges.txt would do",
}


def is_hidden(path: PurePath) -> bool:
    return any(part.startswith(".") for part in path.parts)


def scan(folder: Path) -> list[Path]:
    """List the files to publish, sorted, without hidden ones and links that leave the folder."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not is_hidden(path.relative_to(folder))
        and path.resolve().is_relative_to(folder.resolve())
    )


def check(
    folder: Path,
    *,
    files: Mapping[str, Path] | None = None,
    supplied: Mapping[str, str] | None = None,
    allow_pickle: bool = False,
    engine_loads: bool = False,
) -> Findings:
    """Find all that is wrong with a folder, each with its remedy, and all that is missing.

    ``files`` are what it holds, where they lie elsewhere. ``supplied`` are the texts that
    publishing adds by itself where the folder has none. With ``engine_loads``, a folder that is
    otherwise right is tried with the engine's own readers.
    """
    supplied = supplied or {}
    is_stored = files is not None  # then its pickles were looked at when they came
    if files is None:
        files = {path.relative_to(folder).as_posix(): path for path in scan(folder)}
    findings = Findings(_missing(files, supplied))
    if "config.json" not in files and (problem := adapter_problem(folder)):
        findings.problems.append(problem)
    stand_ins = _look_at_places(files, findings)
    whole = {name: path for name, path in files.items() if name not in stand_ins}
    _look_at_json(whole, findings)
    if not is_stored:
        _look_at_pickles(whole, findings, allowed=allow_pickle)
    _look_at_sizes(files, findings)
    _look_at_texts(whole, supplied, findings)
    look_at_weights(whole, findings, absent=list(stand_ins), allow_pickle=allow_pickle)
    if engine_loads and not findings.problems and not findings.missing:
        findings.problems += engine_problems(folder)
    return findings


def check_documents(files: Mapping[str, Path]) -> Findings:
    """Find what is wrong with files among which are no weights, nor what these are loaded with."""
    findings = Findings()
    stand_ins = _look_at_places(files, findings)
    _look_at_json({name: path for name, path in files.items() if name not in stand_ins}, findings)
    return findings


def _look_at_places(files: Mapping[str, Path], findings: Findings) -> list[str]:
    """Look at the paths, and for what lies in a file's place; return where something does."""
    findings.problems += first_problems(
        [*filter(None, map(path_problem, files)), *tree_problems(files)]
    )
    stand_ins = {
        name: stand_in for name, path in files.items() if (stand_in := _stand_in(name, path))
    }
    findings.problems += first_problems(
        [
            f"{name} is {stand_in}, not the file itself: fetch it again"
            for name, stand_in in stand_ins.items()
        ]
    )
    return list(stand_ins)


def _look_at_json(files: Mapping[str, Path], findings: Findings) -> None:
    """Read every JSON file, but for those that are looked at by what they say."""
    for name, path in files.items():
        if not name.endswith(".json") or name in READ_ELSEWHERE:
            continue
        try:
            require_json_text(path, most_bytes=LARGEST_INDEX_BYTES)
        except Invalid as error:
            findings.problems.append(f"{name} is not JSON: {error}")


def _missing(files: Collection[str], supplied: Collection[str]) -> list[str]:
    here = {*files, *supplied}
    if here.issuperset(PAIR):
        here.add(TOKENIZER)
    return [f"{name} is missing: {why}" for name, why in REQUIRED.items() if name not in here]


def pickle_problem(path: str) -> str:
    return (
        f"{path} is a pickle: loading a pickle runs code that anybody may have put there. "
        "Convert it to safetensors"
    )


def dangerous_problem(path: str, imports: PickleImports) -> str:
    return (
        f"{path} is a pickle that would run {', '.join(imports.dangerous[:5])} when it is loaded. "
        "That is refused whatever the model allows. Convert it to safetensors"
    )


def file_problem(path: str, size_bytes: int) -> str | None:
    if size_bytes <= LARGEST_FILE_BYTES:
        return None
    return f"{path} is over 50 GB: split it, since clients can’t fetch it"


def _stand_in(name: str, path: Path) -> str | None:
    """Name what lies in a file's place, such as an LFS pointer or a saved page; None if nothing."""
    lookalike = lookalike_in(path)
    return (
        lookalike
        if lookalike in POINTERS or (lookalike == PAGE and path.suffix in NO_PAGES)
        else None
    )


def _look_at_pickles(files: Mapping[str, Path], findings: Findings, *, allowed: bool) -> None:
    for name, path in files.items():
        if not _is_pickle(name, path):
            continue
        if not allowed:
            findings.problems.append(f"{pickle_problem(name)}, or say --allow-pickle")
        elif (imports := _imports(path)).dangerous:
            findings.problems.append(dangerous_problem(name, imports))
        else:
            findings.warnings.append(f"{name} is a pickle: whoever loads it runs what is in it")


def _is_pickle(name: str, path: Path) -> bool:
    if is_called_pickle(name):
        return True
    with path.open("rb") as content:
        return holds_pickle(content)


def _imports(path: Path) -> PickleImports:
    with path.open("rb") as content:
        return imports_of(content)


def _look_at_sizes(files: Mapping[str, Path], findings: Findings) -> None:
    for name, path in files.items():
        size = path.stat().st_size
        if problem := file_problem(name, size):
            findings.problems.append(problem)
        elif size > LARGE_SHARD_BYTES:
            findings.warnings.append(
                f"{name} is {size / 1e9:.1f} GB: a download that breaks starts such a file anew; "
                "shards of 2 GB or less lose little"
            )
        elif not size and name in REQUIRED:
            findings.problems.append(f"{name} is empty: {REQUIRED[name]}")


def _look_at_texts(
    files: Mapping[str, Path], supplied: Mapping[str, str], findings: Findings
) -> None:
    if "README.md" in files:
        findings.problems += card_problems(files["README.md"])
    if TOKENIZER in files:
        findings.problems += _tokenizer_problems(files[TOKENIZER])
    elif all(name in files for name in PAIR):
        findings.problems += _pair_problems(*(files[name] for name in PAIR))
    if "config.json" in files:
        findings.problems += _config_problems(files["config.json"])
    own, signed = files.get("LICENSE"), supplied.get("LICENSE")
    if own and signed is not None and own.read_bytes() != signed.encode():
        findings.warnings.append(
            "LICENSE is not the text that people sign for this model; without it, publishing puts "
            "that one there"
        )


def _tokenizer_problems(path: Path) -> list[str]:
    try:
        parse_tokenizer(path)
    except TokenizerError as error:
        said = str(error).replace(f"{path.parent}/", "")
        return [
            f"tokenizer.json can’t be loaded: {said}. Save it anew with the tokenizer’s library"
        ]
    return []


def _pair_problems(vocabulary: Path, merges: Path) -> list[str]:
    try:
        read_pair(vocabulary, merges)
    except TokenizerError as error:
        return [str(error).replace(f"{vocabulary.parent}/", "")]
    return []


def _config_problems(path: Path) -> list[str]:
    try:
        config = read_json_file(path)
    except Invalid as error:
        return [f"config.json is not JSON: {error}"]
    return [] if isinstance(config, dict) else ["config.json is not an object"]
