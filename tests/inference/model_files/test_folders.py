"""A folder in, the same model out: ids, logits, greedy text and its ends are transformers'."""

import json

import pytest

from inference.__main__ import main
from tests.inference.folders import FOLDERS
from tests.inference.folders.compare import NEW_TOKENS, PROMPTS, ours, require_same, theirs
from tests.inference.folders.vocabulary import TOKENS

WHOLE = {name: folder for name, folder in FOLDERS.items() if not folder.refused}
LOADED = [name for name, folder in WHOLE.items() if folder.loads]
REFUSED = [name for name, folder in FOLDERS.items() if folder.refused]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Each folder, written once and not to be changed, by name."""
    written = {}

    def find(name):
        if name not in written:
            written[name] = tmp_path_factory.mktemp("folder")
            FOLDERS[name].write(written[name])
        return written[name]

    return find


@pytest.fixture(scope="module")
def expected(folder_of):
    """Return transformers' reading of a folder, or of its twin."""
    known = {}

    def find(name):
        name = FOLDERS[name].twin or name
        known[name] = known.get(name) or theirs(folder_of(name))
        return known[name]

    return find


@pytest.mark.parametrize("name", LOADED)
def test_the_engine_reads_it_as_transformers_does(name, folder_of, expected):
    require_same(ours(folder_of(name)), expected(name))


@pytest.mark.parametrize("name", LOADED)
def test_the_command_line_prints_transformers_text(name, folder_of, expected, capsys):
    options = ["--temperature", "0", "--max-tokens", str(NEW_TOKENS)]
    assert main(["generate", PROMPTS[0], "--model", str(folder_of(name)), *options]) == 0
    assert capsys.readouterr().out == expected(name).texts[0] + "\n"


@pytest.mark.parametrize("name", WHOLE)
def test_a_conversion_is_the_same_model_to_both(name, folder_of, expected, tmp_path, capsys):
    assert main(["convert", str(folder_of(name)), str(tmp_path / "out")]) == 0, capsys.readouterr()
    require_same(theirs(tmp_path / "out"), expected(name))
    require_same(ours(tmp_path / "out"), expected(name))


@pytest.mark.parametrize("name", LOADED)
def test_a_conversion_keeps_what_the_author_said(name, folder_of, tmp_path, capsys):
    """All fields of both files, but for those that name the weights' form or their writer."""
    source, made = folder_of(name), tmp_path / "out"
    assert main(["convert", str(source), str(made)]) == 0, capsys.readouterr()
    for file in ("config.json", "generation_config.json"):
        if (source / file).exists():
            assert said_in(made / file).items() >= said_in(source / file).items()


def said_in(path):
    """Return a file's fields without those that a conversion may change."""
    free = {"architectures", "dtype", "torch_dtype", "transformers_version", "_name_or_path"}
    fields = json.loads(path.read_text())
    return {name: value for name, value in fields.items() if name not in free}


@pytest.mark.parametrize("name", WHOLE)
def test_check_and_inspect_find_nothing_wrong(name, folder_of, capsys):
    assert main(["inspect", str(folder_of(name)), "--json"]) == 0, capsys.readouterr()
    listed = json.loads(capsys.readouterr().out)
    assert listed["faults"] == []
    assert listed["config"]["num_hidden_layers"] == 2
    assert main(["check", str(folder_of(name))]) == 0, capsys.readouterr()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["generate", "convert", "convert --dry-run", "check"])
def test_another_model_is_refused_by_name(name, command, folder_of, tmp_path, capsys):
    folder = str(folder_of(name))
    commands = {
        "generate": ["generate", "--model", folder, "--max-tokens", "1", "--ids", "2 5"],
        "convert": ["convert", folder, str(tmp_path / "out")],
        "convert --dry-run": ["convert", folder, str(tmp_path / "out"), "--dry-run"],
        "check": ["check", folder],
    }
    if command in ("check", "generate") and not FOLDERS[name].loads:
        pytest.skip("what is wrong with it is its vocabulary, which only a conversion reads")
    assert main(commands[command]) in (1, 2)
    assert FOLDERS[name].refused in "".join(capsys.readouterr())
    assert not list(tmp_path.rglob("*.safetensors"))


def test_added_tokens_are_drawn_and_rows_past_them_are_not(expected):
    """The fixtures do what they are for: some say a token that was added."""
    for name in FOLDERS:
        if name.startswith("two "):
            assert any(TOKENS + 1 in said for said in expected(name).said)
    assert any(len(said) < 16 for said in expected("ends in the generation config").said)
