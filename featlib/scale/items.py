"""What a dataset gives for one row: a picture and a label, in any of the usual forms.

A row is ``(picture, label)`` as torchvision has it, a dict as Hugging Face has it, or a picture
alone.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from featlib.engine.words import describe, readable, reason

__all__ = [
    "NO_LABEL",
    "NotInRangeError",
    "Rows",
    "UnusableError",
    "class_names",
    "features_of",
    "inside",
    "label_of",
    "picture_of",
    "take_apart",
    "why",
]

# Usual names of columns; of several that are there, the first counts.
_PICTURES = ("image", "img", "picture", "pixel_values")
_LABELS = ("label", "labels", "fine_label", "target", "class")

NO_LABEL = object()  # of a row that is a picture alone; None is a label that nobody knows


class Rows(Protocol):
    """Whatever has ``len(rows)`` and ``rows[i]``: a list, an array, a dataset."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Any: ...


class UnusableError(Exception):
    """A row is no picture with a label; the message says why."""


class NotInRangeError(UnusableError):
    """The numbers of a picture are floats, and not from 0 to 1: normalized, for example."""


def why(error: Exception) -> str:
    """Say why a row cannot be used.

    Parameters
    ----------
    error : Exception
        From the functions here, or from the dataset's own code.

    Returns
    -------
    str
        One line that any file and terminal can hold.
    """
    kind = "" if isinstance(error, UnusableError) else f"{type(error).__name__}: "
    return "".join(c if c.isprintable() else " " for c in readable(kind + reason(error)))


def inside(dataset: Any, i: int) -> tuple[Any, int]:
    """Look into one of torch's own wrappers.

    Parameters
    ----------
    dataset : torch.utils.data.Subset or torch.utils.data.ConcatDataset
        The wrapper.
    i : int
        The row.

    Returns
    -------
    dataset : torch.utils.data.Dataset
        The one within that has the row.
    i : int
        Its row there.
    """
    if isinstance(dataset, Subset):
        return dataset.dataset, dataset.indices[i]
    i %= len(dataset)
    part = bisect_right(dataset.cumulative_sizes, i)
    return dataset.datasets[part], i - [0, *dataset.cumulative_sizes][part]


def class_names(dataset: Any, i: int | None) -> Sequence[Any]:
    """Find the names of the classes, in a dataset or in one that it holds.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With a list ``classes``, or with the ``features`` of Hugging Face; or a ``Subset``, a
        ``ConcatDataset``, or another that holds such a dataset as ``.dataset``.
    i : int, optional
        The row: parts of a ``ConcatDataset`` may have different classes. None: one that is not
        known.

    Returns
    -------
    sequence of str
        The name of each number, as the dataset has it; empty if they are not known, or the numbers
        are changed by a ``target_transform``, so that they may mean anything.
    """
    if getattr(dataset, "target_transform", None) is not None:
        return []
    if names := _own_names(dataset):
        return names
    if isinstance(dataset, (Subset, ConcatDataset)) and i is not None:
        return class_names(*inside(dataset, i))
    if isinstance(dataset, ConcatDataset):
        first, *others = (class_names(part, None) for part in dataset.datasets)
        return first if all(names == first for names in others) else []
    within = getattr(dataset, "dataset", None)
    return [] if within is None else class_names(within, None)


def _own_names(dataset: Any) -> Sequence[Any]:
    names = getattr(dataset, "classes", None)
    if names is None and isinstance(features := getattr(dataset, "features", None), Mapping):
        label = _column(features, _LABELS, features, "ClassLabel")
        names = getattr(features.get(label), "names", None)
    if isinstance(names, np.ndarray):
        return names.tolist()
    return names if isinstance(names, Sequence) and not isinstance(names, str) else []


def features_of(dataset: Any) -> Mapping[str, Any]:
    """Return the types of the columns of a Hugging Face dataset, or of one that a dataset holds.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Any.

    Returns
    -------
    mapping
        The type of each column; empty for other datasets.
    """
    while dataset is not None:
        if isinstance(features := getattr(dataset, "features", None), Mapping):
            return features
        parts = getattr(dataset, "datasets", None) if isinstance(dataset, ConcatDataset) else None
        dataset = parts[0] if parts else getattr(dataset, "dataset", None)
    return {}


def take_apart(row: Any, features: Mapping[str, Any]) -> tuple[Any, Any]:
    """Take a row apart.

    Parameters
    ----------
    row : object
        ``(picture, label)``, ``(picture,)``, a dict, or a picture.
    features : mapping
        The types of the columns of a Hugging Face dataset; else empty.

    Returns
    -------
    picture : object
        What is in the place of the picture.
    label : object
        What is in the place of the label; `NO_LABEL` where there is no such place.

    Raises
    ------
    UnusableError
        If it is none of these.
    """
    if isinstance(row, Mapping):
        picture = _column(row, _PICTURES, features, "Image")
        label = _column(row, _LABELS, features, "ClassLabel")
        if picture is None:
            columns = f"columns {', '.join(map(str, row))}, none of them called 'image' or 'img'"
            raise UnusableError(f"no picture: {columns}")
        return row[picture], NO_LABEL if label is None else row[label]
    if isinstance(row, (tuple, list)):
        if len(row) not in (1, 2):
            raise UnusableError(f"a {type(row).__name__} of {len(row)}, not (picture, label)")
        return row[0], row[1] if len(row) == 2 else NO_LABEL
    return row, NO_LABEL


def _column(
    row: Mapping[str, Any], usual: Sequence[str], features: Mapping[str, Any], kind: str
) -> str | None:
    """Return the name of a column: one of the usual ones, else the only one of a type."""
    typed = [name for name, feature in features.items() if type(feature).__name__ == kind]
    found = [name for name in usual if name in row] or (typed if len(typed) == 1 else [])
    return found[0] if found and found[0] in row else None


def label_of(value: Any, names: Sequence[Any]) -> str | None:
    """Turn a label into a word.

    Parameters
    ----------
    value : object
        A word, a number, a tensor or array of one number, None, or `NO_LABEL`.
    names : sequence of str
        Those of the classes; empty if they have none.

    Returns
    -------
    str or None
        The name of the class; the number as text where the classes have no names.

    Raises
    ------
    UnusableError
        If it is no word and no number, or there is no such class.
    """
    if value is None or value is NO_LABEL:
        return None
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Integral):
        number = int(value)
        if names and not 0 <= number < len(names):
            raise UnusableError(f"its label {number} is not from 0 to {len(names) - 1}")
        return _word(names[number]) if names else str(number)
    if isinstance(value, str) or (isinstance(value, float) and math.isfinite(value)):
        word = readable(str(value))
        if names and word not in map(_word, names):
            raise UnusableError(f"its label is none of the {len(names)} classes: {describe(value)}")
        return word
    raise UnusableError(f"its label is no word and no number: {describe(value)}")


def _word(name: Any) -> str:
    # ImageNet's names are tuples of words that mean the same.
    return readable(", ".join(map(str, name)) if isinstance(name, tuple) else str(name))


def picture_of(value: Any) -> Image.Image:
    """Turn a picture of any usual form into one of Pillow.

    Parameters
    ----------
    value : PIL.Image.Image, torch.Tensor or numpy.ndarray
        A tensor is 3×H×W, 1×H×W or H×W; an array is H×W×3, H×W×1 or H×W. uint8, or floats from 0
        to 1, which torchvision's ``ToTensor`` makes of 0 to 255: they are scaled back and rounded.

    Returns
    -------
    PIL.Image.Image
        The same pixels.

    Raises
    ------
    NotInRangeError
        If they are floats, and not all of them from 0 to 1.
    UnusableError
        If it is no picture, or its shape or dtype is another.
    """
    if isinstance(value, Image.Image):
        return value
    if not isinstance(value, (torch.Tensor, np.ndarray)):
        raise UnusableError(f"no picture: {describe(value)}")
    pixels = _channels_last(value)
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or not pixels.size:
        wanted = "a tensor is 3×H×W or 1×H×W, an array H×W×3 or H×W"
        raise UnusableError(f"no picture: {describe(value)}; {wanted}")
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = _scaled_back(pixels, describe(value))
    if pixels.dtype != np.uint8:
        raise UnusableError(f"{describe(value)}; a picture is uint8, or float from 0 to 1")
    gray = pixels.shape[2] == 1
    return Image.fromarray(np.ascontiguousarray(pixels[..., 0] if gray else pixels))


def _channels_last(value: torch.Tensor | np.ndarray) -> np.ndarray:
    """Return H×W×C, from what torch and NumPy each call a picture."""
    if isinstance(value, np.ndarray):
        return value[..., None] if value.ndim == 2 else value
    value = value.detach().cpu()
    pixels = (value.float() if value.is_floating_point() else value).numpy()
    return pixels[..., None] if pixels.ndim == 2 else np.moveaxis(pixels, 0, -1)


def _scaled_back(pixels: np.ndarray, words: str) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    if 0 <= low <= high <= 1:
        return (pixels.astype(np.float32) * 255).round().astype(np.uint8)
    advice = (
        "leave Normalize out of the transform" if low < 0
        else "convert them to uint8" if high <= 255
        else "they are not all finite numbers from 0 to 255"
    )  # fmt: skip
    raise NotInRangeError(f"{words} with values from {low:.3g} to {high:.3g}, not 0 to 1: {advice}")
