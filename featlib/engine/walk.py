"""The files of a folder one after the other: of any number, only one folder's names are held."""

import os
from collections.abc import Iterator
from pathlib import Path

from featlib.engine.folders import PLAN, is_system


def walk(root: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders, each folder's own first, sorted by name.

    What is hidden, or belongs to a system (``Thumbs.db``, ``__MACOSX``), and features that lie
    there are passed over. Links are followed; a folder that is reached again is not entered again.

    Parameters
    ----------
    root : pathlib.Path
        The folder.

    Yields
    ------
    pathlib.Path
        A file; in the end each folder that cannot be listed.
    """
    seen: set[str] = set()
    closed: list[OSError] = []
    for place, folders, files in os.walk(root, onerror=closed.append, followlinks=True):
        real = os.path.realpath(place)
        if real in seen or PLAN in files:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_system(name))
        yield from (Path(place, name) for name in sorted(files) if not is_system(name))
    yield from (Path(error.filename) for error in closed)
