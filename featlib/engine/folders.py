"""Which files of a folder are pictures to read, of which class, and on which side of a split."""

import logging
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from featlib.engine.decode import NO_FILE, begins_as_picture
from featlib.engine.words import readable

# What systems and programs put beside the files of a user, in small letters.
_SYSTEM = {
    "__macosx", "__pycache__", "node_modules", "@eadir", "@recycle", "@recently-snapshot", "@tmp",
    "#recycle", "#snapshot", "~snapshot", "$recycle.bin", "recycler", "recycled", "lost+found",
    "system volume information", "temporary items", "network trash folder",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
}  # fmt: skip
_LIKE_SYSTEM = re.compile(r"[@~$][^\W\d]")  # "@docker", "$WinREAgent"; but "$10" is a class
PLAN = "_featlib.json"  # lies in a folder of features, which may lie in that of the pictures
_SIDES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation", "evaluation": "validation", "holdout": "validation",
    "heldout": "validation", "test": "test", "testing": "test",
}  # fmt: skip
_BETWEEN_WORDS = re.compile(r"[\W\d_]+|(?<=[a-z])(?=[A-Z])")
_OUTSIDE = "outside of the folders of the split"
_NAMED = 5  # folders in a message

_Places = dict[str, tuple[str | None, str | None]]  # folder -> side and class of what is in it

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
        The names of what is no file, is there already or lies beside the sides of a split, each
        with the reason.
    """

    files: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]]
    skipped: tuple[tuple[str, str], ...]


def list_pictures(root: Path, tick: Callable[[int], object] = bool) -> Listing:
    """List the files of a folder and its subfolders, their classes and their sides.

    The first subfolder on the way to a file is its class. Folders called ``train``, ``val`` and
    ``test``, or the like (``training_set``, ``dev``), are the sides of a split where they hold the
    same classes, or lie in each class. A single folder without pictures beside it is entered. Both
    are said in a logged line. What is hidden, or belongs to a system (``Thumbs.db``,
    ``__MACOSX``), is passed over. Links are followed; what is reached a second time is skipped.
    Names that differ in their Unicode form alone (NFC and NFD) are one class.

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
    base = _enter(tree, "")
    if base:
        log.warning("images: '%s' holds one folder, '%s', which is read in its place", root, base)
    places = _places(tree, base, root)
    files, skipped = [], list(tree.skipped)
    for name, path in tree.files.items():
        folder = _parent(name)
        while folder and folder not in places:
            folder = _parent(folder)
        if not {base, folder} & places.keys():  # the base has a place where there is no split
            skipped.append((name, _OUTSIDE))
            continue
        side, label = places.get(folder, (None, None))
        files.append(Entry(Path(path), readable(name), label, side))
    if n := sum(reason == _OUTSIDE for _, reason in skipped):
        log.warning("images: %s files outside of the sides of the split are left out", f"{n:,}")
    return Listing(
        tuple(sorted(files, key=lambda file: file.name)),
        _classes(places),
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
            found = [entry for entry in entries if not is_system(entry.name)]
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
            elif _LIKE_SYSTEM.match(entry.name):
                self.skipped.append(
                    (name, "its name is like that of a folder of the system; rename it")
                )
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


def _enter(tree: _Tree, base: str) -> str:
    """Return the folder that holds the classes: this one, or a single one on the way to them."""
    while len(inside := tree.folders[base]) == 1 and tree.folders[inside[0]]:
        if tree.pictures_in(base) or tree.pictures_in(inside[0]):
            break
        base = inside[0]
    return base


def _places(tree: _Tree, base: str, root: Path) -> _Places:
    """Return what each folder of a class is; say what is not plain to see."""
    tops = sorted(tree.folders[base])
    names, places = _sides_above(tree, tops)
    if not places:
        names, places = _sides_below(tree, tops)
    if places:
        log.warning("images: %s in '%s' are the sides of a split, not classes", _some(names), root)
        return places
    _say_if_like_a_split(tree, tops, root)
    return {base: (None, None), **{top: (None, _label(top)) for top in tops}}


def _sides_above(tree: _Tree, tops: list[str]) -> tuple[list[str], _Places]:
    """Look for a split above the classes: ``train/cats``, or ``train/images/cats``."""
    sides = {top: side for top in tops if (side := _side(top))}
    within = {top: _enter(tree, top) for top in sides}
    names, places = [], {}
    for top, side in sides.items():
        names.append(within[top][len(_parent(top)) :].lstrip("/"))
        places[top] = places[within[top]] = (side, None)
        places |= {inner: (side, _label(inner)) for inner in tree.folders[within[top]]}
    classes = Counter(label for _, label in {*places.values()} if label)
    shared = sum(n > 1 for n in classes.values())
    kinds = {*sides.values()}
    sure = "validation" in kinds  # things may be called train and test, but not validation
    all_are = len(sides) == len(tops) and (sure or bool(classes))
    is_split = len(kinds) > 1 and (all_are or shared > (0 if sure else 1))
    return (names, places) if is_split else ([], {})


def _sides_below(tree: _Tree, tops: list[str]) -> tuple[list[str], _Places]:
    """Look for a split within each class: ``cats/train``."""
    sides = {
        top: {inner: side for inner in tree.folders[top] if (side := _side(inner))} for top in tops
    }
    if sum(len({*found.values()}) > 1 for found in sides.values()) < 2:
        return [], {}
    places: _Places = {
        inner: (side, _label(top)) for top in tops for inner, side in sides[top].items()
    }
    return sorted({f"*/{_last(inner)}" for inner in places}), places


def _say_if_like_a_split(tree: _Tree, tops: list[str], root: Path) -> None:
    """Warn of classes that may be the sides or the folds of a split: nobody would want these."""
    sides = [top for top in tops if _side(top)]
    held = [{_label(inner) for inner in tree.folders[top]} for top in tops]
    if len({_side(top) for top in sides}) > 1:
        log.warning(
            "images: %s in '%s' are taken as classes, not as the sides of a split: these would "
            "hold the same two or more folders of classes",
            _some(map(_last, sides)),
            root,
        )
    elif len(tops) > 1 and len(held[0]) > 1 and all(names == held[0] for names in held):
        log.warning(
            "images: %s in '%s' all hold the folders %s, as the parts of a split do; they are "
            "taken as classes. If they are parts, pass two of them as train= and validation=",
            _some(map(_last, tops)),
            root,
            _some(sorted(held[0])),
        )


def _side(folder: str) -> str | None:
    """Return the side that one word of a name means: ``training_set``, ``Val 20``, ``testData``."""
    words = [word.lower() for word in _BETWEEN_WORDS.split(_last(folder))]
    words = [word.removesuffix("set").removesuffix("data") for word in (*words, "".join(words))]
    found = {_SIDES[word] for word in words if word in _SIDES}
    return found.pop() if len(found) == 1 else None


def _classes(places: _Places) -> dict[str, tuple[str, ...]]:
    found = {side or "": set() for side, _ in places.values()}
    for side, label in places.values():
        found[side or ""] |= {label} - {None}
    return {side: tuple(sorted(names)) for side, names in found.items()}


def _label(folder: str) -> str:
    """Return the name of a class: systems keep the same letters in different forms."""
    return normalize("NFC", readable(_last(folder)))


def _some(names: Iterable[str]) -> str:
    names = [readable(name) for name in names]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def is_system(name: str) -> bool:
    """Say whether a name is that of a hidden file, or of what systems put beside pictures.

    Parameters
    ----------
    name : str
        The last part of a path.

    Returns
    -------
    bool
    """
    return name.startswith(".") or name.lower() in _SYSTEM


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
