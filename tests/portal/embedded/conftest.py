import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from portal.embedded.supervisor import Part, Supervisor


@pytest.fixture
def var():
    """Not pytest's tmp_path: as root, PostgreSQL's account has to pass through the folder."""
    folder = Path(tempfile.mkdtemp(prefix="wg-embedded-"))
    folder.chmod(0o711)
    yield folder
    with Supervisor(folder, say=lambda text: None):
        pass  # takes away what the killed ones left
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(var, said):
    with Supervisor(var, say=said.append) as running:
        yield running


@pytest.fixture
def python():
    """A part that runs a line of Python."""

    def make(name, code, **options):
        return Part(name, (sys.executable, "-c", code), **options)

    return make
