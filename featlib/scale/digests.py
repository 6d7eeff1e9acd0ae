"""What tells one row of pictures from another: the facts of its file, or the pixels themselves."""

import hashlib
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from featlib.engine import decode, threads
from featlib.engine.progress_bar import progress_bar
from featlib.scale.items import unwrap

__all__ = ["FileRows", "file_facts", "hash_rows", "picture_facts"]

_TOGETHER = 64  # rows that a thread describes at a time

# Classes and functions of torchvision of which we know that what they give depends on the file and
# on their settings alone. A class that inherits from one of these may do anything.
_FOLDERS = {"torchvision.datasets.folder.ImageFolder", "torchvision.datasets.folder.DatasetFolder"}
_KNOWN = {
    "torchvision.datasets.folder.default_loader",
    "torchvision.datasets.folder.pil_loader",
    "torchvision.transforms.transforms.CenterCrop",
    "torchvision.transforms.transforms.Compose",
    "torchvision.transforms.transforms.Grayscale",
    "torchvision.transforms.transforms.PILToTensor",
    "torchvision.transforms.transforms.Resize",
    "torchvision.transforms.transforms.ToTensor",
    "torchvision.transforms.v2._color.Grayscale",
    "torchvision.transforms.v2._color.RGB",
    "torchvision.transforms.v2._container.Compose",
    "torchvision.transforms.v2._deprecated.ToTensor",
    "torchvision.transforms.v2._geometry.CenterCrop",
    "torchvision.transforms.v2._geometry.Resize",
    "torchvision.transforms.v2._misc.ToDtype",
    "torchvision.transforms.v2._type_conversion.PILToTensor",
    "torchvision.transforms.v2._type_conversion.ToImage",
}

# Not of these: what inherits from them may be a transform, too.
_PLAIN = (bool, int, float, str, type(None), torch.dtype)


class _UnknownError(Exception):
    """What a value does is not known."""


def hash_rows(
    describe: Callable[[int], str], n: int, progress: bool = True, threadsafe: bool = True
) -> str:
    """Hash the descriptions of all rows, in their order.

    Parameters
    ----------
    describe : callable
        It gets the number of a row and returns one line.
    n : int
        The number of rows.
    progress : bool
        Whether to show a bar when it takes more than two seconds.
    threadsafe : bool
        Whether several threads may call it at once; else this one calls it, row by row.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    parts = [range(first, min(first + _TOGETHER, n)) for first in range(0, n, _TOGETHER)]
    map_rows = threads.map_ordered if threadsafe else map
    lines = map_rows(lambda rows: [describe(i) + "\n" for i in rows], parts)
    digest = hashlib.sha256()
    with progress_bar("checking", n, "image", progress) as done:
        for part in lines:
            digest.update("".join(part).encode())
            done.update(len(part))
    return digest.hexdigest()


def file_facts(path: str | os.PathLike[str]) -> str:
    """Describe a file without reading it.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    str
        Its size, and the times of the last change of what is in it and of its entry on the disk.
        The second one nobody can set: it tells of a file whose first time was set back.
    """
    try:
        facts = os.stat(path)
    except (OSError, ValueError):  # ValueError: no name that a file can have
        return "not there"
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def picture_facts(picture: Image.Image) -> str:
    """Hash all that decides what is seen of a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode and size.

    Returns
    -------
    str
        SHA-256 in hexadecimal, over mode, size, pixels, palette, transparency and EXIF rotation.
    """
    pixels = picture.tobytes()
    rotation = decode.orientation(picture)
    facts = picture.mode, picture.size, picture.palette and picture.palette.tobytes(), rotation
    digest = hashlib.sha256(repr((*facts, picture.info.get("transparency"))).encode())
    digest.update(pixels)
    return digest.hexdigest()


class FileRows:
    """Describes rows of a dataset by their files, where nothing else decides what they give."""

    def __init__(self) -> None:
        self._settings: dict[int, str | None] = {}

    def facts(self, dataset: Any, i: int) -> tuple[str, Any] | None:
        """Describe a row without reading its picture.

        Parameters
        ----------
        dataset : torch.utils.data.Dataset
            Any.
        i : int
            The row.

        Returns
        -------
        tuple of (str, int) or None
            The file, its facts and how the dataset reads it; and the label as the dataset gives it.
            None if the dataset is not torchvision's own folder of pictures, or a part of one, or if
            it has a transform of which we do not know all.
        """
        *_, (dataset, i) = unwrap(dataset, i)
        settings = self._settings_of(dataset)
        if settings is None:
            return None
        path, label = dataset.samples[i]
        return f"{os.path.abspath(path)} {file_facts(path)} {settings}", label

    def cover(self, dataset: Any) -> bool:
        """Say whether `facts` describes all rows of a dataset.

        What reads these rows is torchvision's own code, which several threads may call.

        Parameters
        ----------
        dataset : torch.utils.data.Dataset
            Any.

        Returns
        -------
        bool
            True if it is torchvision's own folder of pictures, or made of parts of such folders.
        """
        seen, waiting = set(), [dataset]
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            if type(part) is Subset:
                waiting.append(part.dataset)
            elif type(part) is ConcatDataset:
                waiting += part.datasets
            elif self._settings_of(part) is None:
                return False
        return True

    def _settings_of(self, dataset: Any) -> str | None:
        if id(dataset) not in self._settings:
            self._settings[id(dataset)] = _settings(dataset)
        return self._settings[id(dataset)]


def _settings(dataset: Any) -> str | None:
    """Describe how a folder of torchvision reads a file; None if it is another dataset."""
    if id(type(dataset)) not in _loaded(_FOLDERS):
        return None
    known = _loaded(_KNOWN)
    try:
        return _words((dataset.loader, dataset.transform, dataset.target_transform), known)
    except Exception:  # also where a folder is not as torchvision makes it
        return None


def _words(value: Any, known: Mapping[int, str]) -> str:
    """Write a value out, with all settings of what is in it."""
    if type(value) in _PLAIN or _is_choice(value):
        return repr(value)
    if type(value) in (dict, OrderedDict):
        return _words([*value.items()], known)
    if type(value) in (list, tuple, set):
        return f"[{', '.join(_words(part, known) for part in value)}]"
    if name := known.get(id(value)):  # a function
        return name
    if name := known.get(id(type(value))):
        return f"{name} {_words(vars(value), known)}"
    raise _UnknownError


def _is_choice(value: Any) -> bool:
    return isinstance(value, Enum) and not callable(value)


def _loaded(names: Collection[str]) -> dict[int, str]:
    """Return the names of classes and functions by the identity of what they name.

    What says of itself that it has such a name may be another: `functools.wraps` copies names. A
    module that is not loaded is left out: nothing in a dataset can be of it.
    """
    places = {name: name.rpartition(".") for name in names}
    found = {
        name: getattr(sys.modules.get(module), attribute, None)
        for name, (module, _, attribute) in places.items()
    }
    return {id(thing): name for name, thing in found.items() if thing is not None}
