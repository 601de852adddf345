"""The releases before this one, as CHANGELOG.md names their commits."""

import io
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from tests.make.processes import PROJECT

_RELEASE: Final = re.compile(r"^## ([0-9a-f]{7,40}) · ", re.MULTILINE)


def releases() -> list[str]:
    """Commits, the last one first."""
    found = _RELEASE.findall((PROJECT / "CHANGELOG.md").read_text())
    assert found, "CHANGELOG.md names no release"
    return found


def unpack(commit: str, folder: Path) -> Path:
    """The tree of a commit."""
    packed = subprocess.run(
        ["git", "-C", str(PROJECT), "archive", "--format=tar", commit], stdout=subprocess.PIPE, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tree:
        tree.extractall(folder, filter="data")
    return folder
