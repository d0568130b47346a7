import re

import pytest

from tests.inference.tiny_opts import ROOT


def test_the_documentations_examples_run(trained, tmp_path, monkeypatch):
    (tmp_path / "weights").symlink_to(trained)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "white-box.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    names = {}
    for example in examples:
        exec(example, names)  # noqa: S102 - our own page
    weights = names["request"].outputs[0].captured.values("attention", 0)
    assert weights[0, 0].sum().item() == pytest.approx(1, abs=1e-5)
    assert names["patched"].outputs[0].token_ids
