import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from portal.embedded.supervisor import Part, ProcessSupervisor


@pytest.fixture
def var():
    """Make a folder that PostgreSQL's account can pass through, unlike pytest's tmp_path."""
    folder = Path(tempfile.mkdtemp(prefix="wg-embedded-"))
    folder.chmod(0o711)
    yield folder
    with ProcessSupervisor(folder, say=lambda text: None):
        pass  # takes away what the killed ones left
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def said():
    return []


@pytest.fixture
def supervisor(var, said):
    with ProcessSupervisor(var, say=said.append) as running:
        yield running


@pytest.fixture
def python():
    """Return a maker of parts that run a line of Python."""

    def make(name, code, **options):
        return Part(name, (sys.executable, "-c", code), **options)

    return make
