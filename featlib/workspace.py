"""The learner's own copies of the notebooks: made once, refreshed where untouched, never lost.

What comes with featlib is only ever read. A copy that the learner has not changed follows an
upgrade; one that was changed, if only by running it, is the learner's and stays.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from featlib import checks
from featlib.engine.files import atomic_write, sha256
from featlib.engine.paths import bundled
from featlib.engine.strict_json import parse_json

__all__ = ["START", "Workspace", "prepare"]

FOLDER = "featlib-notebooks"
START = "00_start_here.ipynb"
GIVEN = ".featlib.json"  # in each folder of copies: the SHA-256 of every file as it was given
KINDS = (".ipynb", ".md", ".html")  # what a learner reads; tests stay in the package


@dataclass(frozen=True)
class Workspace:
    """A folder of the learner's notebooks.

    Attributes
    ----------
    folder : pathlib.Path
        Where they are.
    kept : tuple of str
        Files that the learner has changed and of which featlib now has another version.
    """

    folder: Path
    kept: tuple[str, ...] = ()

    @property
    def start(self) -> Path:
        """pathlib.Path: the notebook to begin with."""
        return self.folder / START


def prepare(parent: str | Path = ".", *, fresh: bool = False) -> Workspace:
    """Make or refresh the learner's copies of the notebooks.

    Parameters
    ----------
    parent : str or pathlib.Path
        Where the folder ``featlib-notebooks`` is, or is to be.
    fresh : bool
        Whether to make new copies in a folder beside those that there are.

    Returns
    -------
    Workspace
        Of several folders the newest one.

    Raises
    ------
    featlib.FeatlibError
        If nothing can be written there.
    """
    parent = checks.folder(parent, "featlib lab", "your notebooks")
    found = _numbered(parent)
    last = max(found, default=0)
    number = last + 1 if fresh or not found else last
    folder = parent / (FOLDER if number == 1 else f"{FOLDER}-{number}")
    try:
        folder.mkdir(exist_ok=True)
        return Workspace(folder.resolve(), _refresh(folder))
    except OSError as error:
        wanted = f"to copy the notebooks to '{folder}'"
        fix = "Change to a folder of your own first, such as your home folder."
        return checks.refuse("featlib lab", wanted, str(error), fix)


def _numbered(parent: Path) -> list[int]:
    """Return the numbers of the folders of copies that there are: 1, then 2, 3, …."""
    matches = (re.fullmatch(rf"{FOLDER}(?:-(\d+))?", path.name) for path in parent.iterdir())
    return [int(match[1] or 1) for match in matches if match]


def _refresh(folder: Path) -> tuple[str, ...]:
    """Copy what is missing or untouched; return what was changed and is due for a new version."""
    given = _given(folder)
    kept = []
    for original in sorted(bundled("notebooks").iterdir()):
        if original.suffix not in KINDS:
            continue
        copy, new = folder / original.name, sha256(original)
        if not copy.exists() or sha256(copy) == given.get(original.name):
            if not copy.exists() or given[original.name] != new:
                shutil.copyfile(original, copy)
            given[original.name] = new
        elif given.get(original.name) != new:
            kept.append(original.name)
    with atomic_write(folder / GIVEN) as file:
        file.write(json.dumps(given, indent=1).encode())
    return tuple(kept)


def _given(folder: Path) -> dict[str, str]:
    """Return what was copied before; where no list can be read, each file counts as changed."""
    try:
        given = parse_json((folder / GIVEN).read_bytes())
    except (OSError, ValueError):
        return {}
    return given if isinstance(given, dict) else {}
