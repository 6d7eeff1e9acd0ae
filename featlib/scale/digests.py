"""What tells one row of pictures from another: the facts of its file, or the pixels themselves."""

import hashlib
import os
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import torch
from PIL import ExifTags, Image
from torch.utils.data import ConcatDataset, Subset

from featlib.engine import threads
from featlib.engine.progress_bar import progress_bar
from featlib.scale.items import inside

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


class _UnknownError(Exception):
    """What a value does is not known."""


def hash_rows(describe: Callable[[int], str], n: int, progress: bool = True) -> str:
    """Hash the descriptions of all rows, in their order.

    Parameters
    ----------
    describe : callable
        It gets the number of a row and returns one line. Several threads call it.
    n : int
        The number of rows.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    parts = [range(first, min(first + _TOGETHER, n)) for first in range(0, n, _TOGETHER)]
    lines = threads.map_ordered(lambda rows: [describe(i) + "\n" for i in rows], parts)
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
    rotation = picture.getexif().get(ExifTags.Base.Orientation)
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
        while type(dataset) in (Subset, ConcatDataset):
            dataset, i = inside(dataset, i)
        if id(dataset) not in self._settings:
            self._settings[id(dataset)] = _settings(dataset)
        settings = self._settings[id(dataset)]
        if settings is None:
            return None
        path, label = dataset.samples[i]
        return f"{os.path.abspath(path)} {file_facts(path)} {settings}", label


def _settings(dataset: Any) -> str | None:
    """Describe how a folder of torchvision reads a file; None if it is another dataset."""
    if _name(type(dataset)) not in _FOLDERS:
        return None
    try:
        return _words((dataset.loader, dataset.transform, dataset.target_transform))
    except _UnknownError:
        return None


def _words(value: Any) -> str:
    """Write a value out, with all settings of what is in it."""
    if value is None or isinstance(value, (bool, int, float, str, Enum, torch.dtype)):
        return repr(value)
    if isinstance(value, Mapping):
        return _words([*value.items()])
    if isinstance(value, (list, tuple, set)):
        return f"[{', '.join(map(_words, value))}]"
    if _name(value) in _KNOWN:  # a function
        return _name(value)
    if _name(type(value)) in _KNOWN:
        return f"{_name(type(value))} {_words(vars(value))}"
    raise _UnknownError


def _name(value: Any) -> str:
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
