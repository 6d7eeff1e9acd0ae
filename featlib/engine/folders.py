"""Which files of a folder are pictures to read, of which class, and on which side of a split."""

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from featlib.engine.decode import NO_FILE, begins_as_picture
from featlib.engine.words import readable

# What systems and programs put beside the files of a user, in small letters.
_SYSTEM = {
    "__macosx", "__pycache__", "@eadir", "@recycle", "#recycle", "$recycle.bin", "lost+found",
    "system volume information", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
}  # fmt: skip
PLAN = "_featlib.json"  # lies in a folder of features, which may lie in that of the pictures
_SIDES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip

log = logging.getLogger("featlib")


@dataclass(frozen=True)
class Entry:
    """A file that may be a picture.

    Attributes
    ----------
    path : pathlib.Path
        Where it is.
    name : str
        Its path within the folder, with ``/`` on every system.
    label : str or None
        Its class: the name of the folder; None where it lies in none.
    split : {"train", "validation", "test"} or None
        Its side, where the folder is split already.
    """

    path: Path
    name: str
    label: str | None
    split: str | None


@dataclass(frozen=True)
class Listing:
    """What is in a folder.

    Attributes
    ----------
    files : tuple of Entry
        Sorted by name. Only what `decode` says of them tells whether they are pictures.
    classes : dict of str to tuple of str
        The names of the folders of classes, sorted, of each side; one without files included.
        The side is "" where the folder is not split.
    skipped : tuple of (str, str)
        The names of what is no file or is there already, each with the reason.
    """

    files: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]]
    skipped: tuple[tuple[str, str], ...]


def list_pictures(root: Path, tick: Callable[[int], object] = bool) -> Listing:
    """List the files of a folder and its subfolders, their classes and their sides.

    The first subfolder on the way to a file is its class. Folders called ``train``, ``val`` and
    ``test`` that hold the same classes are the sides of a split. A single folder without pictures
    beside it is entered. Both are said in a logged line. What is hidden, or belongs to a system
    (``Thumbs.db``, ``__MACOSX``), is passed over. Links are followed; what is reached a second time
    is skipped.

    Parameters
    ----------
    root : pathlib.Path
        The folder.
    tick : callable
        Called with 1 after each file, for a progress bar.

    Returns
    -------
    Listing
        No pixels are read for it.

    Raises
    ------
    OSError
        If one of the folders may not be read: what is in it would be missing silently.
    """
    tree = _Tree(root, tick)
    base = _enter(tree)
    if base:
        log.warning("images: '%s' holds one folder, '%s', which is read in its place", root, base)
    sides = _sides(tree, base)
    if sides:
        names = ", ".join(_last(folder) for folder in sides)
        log.warning("images: %s in '%s' are the sides of a split, not classes", names, root)
    files, skipped = [], list(tree.skipped)
    for name, path in tree.files.items():
        side, label = None, None
        inside = _inside(name, base)
        if sides:
            side = sides.get(_join(base, inside[0])) if inside else None
            inside = inside[1:]
        if sides and side is None:
            skipped.append((name, "outside of the folders of the split"))
            continue
        if len(inside) > 1:
            label = readable(inside[0])
        files.append(Entry(Path(path), readable(name), label, side))
    return Listing(
        tuple(sorted(files, key=lambda file: file.name)),
        _classes(tree, sides or {base: ""}),
        tuple(sorted((readable(name), reason) for name, reason in skipped)),
    )


class _Tree:
    """The names of all files and folders, with ``/`` between their parts; the root is ``""``.

    A link waits until all that lies here itself is known, so that it is the link that is a copy.
    """

    def __init__(self, root: Path, tick: Callable[[int], object]) -> None:
        self._tick = tick
        self.files: dict[str, str] = {}
        self.folders: dict[str, list[str]] = defaultdict(list)  # those within each folder
        self.skipped: list[tuple[str, str]] = []
        self._seen: dict[str, str] = {}  # real path -> name
        self._links: list[tuple[str, str]] = []
        real = os.path.realpath(root)
        self._seen[real] = ""
        self._walk("", real)
        while self._links:
            waiting, self._links = self._links, []
            for name, path in sorted(waiting, key=lambda link: (link[0].count("/"), link[0])):
                self._follow(name, path)

    def pictures_in(self, folder: str) -> bool:
        """Say whether a folder holds a picture itself."""
        return any(
            _parent(name) == folder and begins_as_picture(path) for name, path in self.files.items()
        )

    def _follow(self, name: str, path: str) -> None:
        real = os.path.realpath(path)
        if not os.path.isdir(real):
            self._add_file(name, path, real, os.path.isfile(real))
        elif self._is_new(name, real, "folder"):
            self.folders[_parent(name)].append(name)
            self._walk(name, real)

    def _walk(self, folder: str, place: str) -> None:
        """Take in a folder and all that lies in it; keep the links for later."""
        with os.scandir(place) as entries:
            found = [entry for entry in entries if not _is_system(entry.name)]
        for entry in found:
            name, path = _join(folder, entry.name), entry.path
            if entry.is_symlink():
                self._links.append((name, path))
            elif not entry.is_dir():
                self._add_file(name, path, path, entry.is_file())
            elif os.path.realpath(path) != path:  # what Windows calls a junction
                self._links.append((name, path))
            elif os.path.exists(os.path.join(path, PLAN)):
                continue
            elif self._is_new(name, path, "folder"):
                self.folders[folder].append(name)
                self._walk(name, path)

    def _add_file(self, name: str, path: str, real: str, is_file: bool) -> None:
        self._tick(1)
        if not is_file:  # a pipe would be waited for, a device never ends
            self.skipped.append((name, NO_FILE))
        elif self._is_new(name, real, "file"):
            self.files[name] = path

    def _is_new(self, name: str, real: str, kind: str) -> bool:
        first = self._seen.setdefault(real, name)
        if first != name:
            self.skipped.append((name, f"same {kind} as {readable(first) or 'the whole folder'}"))
        return first == name


def _enter(tree: _Tree) -> str:
    """Return the folder that holds the classes: the root, or a single folder on the way to them."""
    base = ""
    while len(inside := tree.folders[base]) == 1 and tree.folders[inside[0]]:
        if tree.pictures_in(base) or tree.pictures_in(inside[0]):
            break
        base = inside[0]
    return base


def _sides(tree: _Tree, base: str) -> dict[str, str]:
    """Return the side of each folder that is one; none where the folders are classes."""
    tops = sorted(tree.folders[base])
    sides = {top: _SIDES[low] for top in tops if (low := _last(top).lower()) in _SIDES}
    if len(set(sides.values())) < 2:
        return {}
    named = Counter(_last(inner) for top in sides for inner in tree.folders[top])
    others = {_last(inner) for top in tops if top not in sides for inner in tree.folders[top]}
    shared = {name for name, n in named.items() if n > 1} - others
    return sides if shared or len(sides) == len(tops) else {}


def _classes(tree: _Tree, sides: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found = defaultdict(set)
    for top, side in sides.items():
        found[side] |= {readable(_last(folder)) for folder in tree.folders[top]}
    return {side: tuple(sorted(names)) for side, names in found.items()}


def _is_system(name: str) -> bool:
    return name.startswith(".") or name.lower() in _SYSTEM


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _inside(name: str, folder: str) -> list[str]:
    """Return the parts of a name after those of a folder; none if it lies elsewhere."""
    if folder and not name.startswith(f"{folder}/"):
        return []
    return name[len(folder) :].lstrip("/").split("/")
