"""The learner's own copies of the notebooks: made once, updated where untouched, never lost.

The notebooks that come with featlib are only read. A copy that the learner has not changed follows
an upgrade of featlib. A copy that was changed, even if only by running it, belongs to the learner
and stays as it is.
"""

import hashlib
import json
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from featlib import checks
from featlib.engine.files import atomic_write, atomic_write_text, read_regular, sha256
from featlib.engine.paths import bundled
from featlib.engine.strict_json import parse_json

__all__ = ["START", "Workspace", "in_hub", "prepare"]

START = "00_start_here.ipynb"

_FOLDER = "featlib-notebooks"
_GIVEN = ".featlib.json"  # in each folder of copies: the SHA-256 of every file as it was copied
_LARGEST = 1_000_000  # bytes of that list, which has about a hundred for each file
_KINDS = (".ipynb", ".md", ".html")  # what a learner reads; tests stay in the package
_VERSION = re.compile(rb'("pygments_lexer": "ipython3",\s+"version": )"[^"]*"')


@dataclass(frozen=True)
class Workspace:
    """A folder of the learner's notebooks.

    Attributes
    ----------
    folder : pathlib.Path
        Where they are; an absolute path.
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
    """Make the learner's copies of the notebooks, or bring the untouched ones up to date.

    Parameters
    ----------
    parent : str or pathlib.Path
        The folder that holds, or will hold, the folder ``featlib-notebooks``.
    fresh : bool
        Whether to make new copies in a second folder, ``featlib-notebooks-2`` and so on, beside
        the one that is there.

    Returns
    -------
    Workspace
        If there are several folders of copies, the newest one.

    Raises
    ------
    featlib.FeatlibError
        If there is no such parent folder, or nothing can be written there.
    """
    parent = checks.folder(parent, "featlib lab", "your notebooks")
    folder = _choose(parent, fresh)
    try:
        folder.mkdir(exist_ok=True)
        return Workspace(folder.resolve(), _update(folder))
    except OSError as error:
        wanted = f"to copy the notebooks to '{folder}'"
        fix = "Choose a folder that you can write to: featlib lab --folder DIR."
        checks.refuse("featlib lab", wanted, str(error), fix)


def in_hub(notebook: Path) -> str:
    """Say where a notebook is in the JupyterLab that a JupyterHub has started for this user.

    Parameters
    ----------
    notebook : pathlib.Path
        An absolute path.

    Returns
    -------
    str
        The path after the hub's own address, such as
        ``/user/anna/lab/tree/featlib-notebooks/00_start_here.ipynb``. Of a notebook that is not
        below the folder that the server shows (``JUPYTERHUB_ROOT_DIR``, else the home folder), the
        path on the disk. Empty where no JupyterHub has started this process.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if not prefix:
        return ""
    root = os.environ.get("JUPYTERHUB_ROOT_DIR") or "~"
    try:
        shown = notebook.relative_to(Path(os.path.expanduser(root)).resolve())
    except ValueError:
        return str(notebook)
    return f"{prefix.rstrip('/')}/lab/tree/{quote(shown.as_posix())}"


def _choose(parent: Path, fresh: bool) -> Path:
    """Return the folder of copies to use; a new one must not have the name of anything there."""
    taken, folders = [], []
    for path in parent.iterdir():
        if match := re.fullmatch(rf"{_FOLDER}(?:-([2-9]|[1-9][0-9]+))?", path.name):
            taken.append(int(match[1] or 1))
            if path.is_dir():  # a file of that name is not ours, and stays
                folders.append(taken[-1])
    number = max(taken, default=0) + 1 if fresh or not folders else max(folders)
    return parent / (_FOLDER if number == 1 else f"{_FOLDER}-{number}")


def _update(folder: Path) -> tuple[str, ...]:
    """Copy what is missing or untouched; return what was changed and has a new version.

    Each copy is listed at once. So what a process that was killed half-way has copied is known as
    untouched, even if featlib was upgraded before the next one goes on.
    """
    given, kept = _given(folder), []
    for original in sorted(bundled("notebooks").iterdir()):
        if original.suffix not in _KINDS:
            continue
        name, content = original.name, _for_this_python(original)
        new = hashlib.sha256(content).hexdigest()
        copy = folder / name
        here = _content(copy)
        if here not in (None, new, given.get(name)):
            if given.get(name) != new:
                kept.append(name)
            continue
        if here is None:  # nothing of the learner's can be lost: it is listed first
            _give(folder, given, name, new)
        if here != new:
            _write(content, copy)
        _give(folder, given, name, new)
    return tuple(kept)


def _give(folder: Path, given: dict[str, str], name: str, new: str) -> None:
    """Write down what was copied, if that is news."""
    if given.get(name) != new:
        given[name] = new
        atomic_write_text(folder / _GIVEN, json.dumps(given, indent=1))


def _content(copy: Path) -> str | None:
    """Return the SHA-256 of a copy, None where nothing is; what cannot be read is the learner's."""
    try:
        if not os.path.lexists(copy):  # asked first: another process may make it meanwhile
            return None
        return sha256(copy) if copy.is_file() else ""
    except OSError:
        return ""


def _for_this_python(original: Path) -> bytes:
    """Return a file's content, a notebook's with the version of Python that will run it.

    JupyterLab writes the version into each notebook that it opens: one that has another is unsaved
    as soon as it is open.
    """
    ours = rb'\g<1>"%s"' % platform.python_version().encode()
    return _VERSION.sub(ours, original.read_bytes())


def _write(content: bytes, copy: Path) -> None:
    """Write a copy, which gets its name when it is complete: nobody ever sees half of it."""
    with atomic_write(copy) as file:
        file.write(content)


def _given(folder: Path) -> dict[str, str]:
    """Return the list of what was copied before.

    Where no list can be read, it is empty: then each file that differs from featlib's own counts
    as changed by the learner.
    """
    try:
        given = parse_json(read_regular(folder / _GIVEN, _LARGEST))
    except (OSError, ValueError):
        return {}
    return given if isinstance(given, dict) else {}
