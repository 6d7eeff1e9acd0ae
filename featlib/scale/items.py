"""What a dataset gives for one row: a picture and a label, in any of the usual forms.

A row is ``(picture, label)`` as torchvision has it, a dict as Hugging Face has it, or a picture
alone.
"""

import inspect
import math
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, KeysView, Mapping, Sequence, ValuesView
from contextlib import suppress
from numbers import Integral
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Subset

from featlib.engine import decode
from featlib.engine.words import describe, readable, reason

__all__ = [
    "NO_LABEL",
    "Names",
    "NotInRangeError",
    "Rows",
    "UnusableError",
    "class_names",
    "features_of",
    "label_of",
    "picture_of",
    "take_apart",
    "unwrap",
    "why",
]

# Usual names of columns; of several that are there, the first counts.
_PICTURES = ("image", "img", "picture", "pixel_values")
_LABELS = ("label", "labels", "fine_label", "target", "class")

_DEEPEST = 1000  # wrappers in one another: one may hold itself
_ROUNDING = 1e-6  # by which floats from 0 to 1 may be outside

Names = Sequence[Any] | Mapping[Any, Any]  # of the classes, by their numbers

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
    text = re.sub(r" at 0x[0-9A-Fa-f]+", "", kind + reason(error))  # another one in each call
    return "".join(c if c.isprintable() else " " for c in readable(text))


def unwrap(dataset: Any, i: int) -> Iterator[tuple[Any, int]]:
    """Go through torch's own wrappers to the dataset within that has a row.

    A class that inherits from a wrapper may change what it gives, so it is not gone through.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        A ``Subset``, a ``ConcatDataset``, or any other.
    i : int
        The row.

    Yields
    ------
    dataset : torch.utils.data.Dataset
        First the one given, last the one that is no wrapper.
    i : int
        Its row there.
    """
    for _ in range(_DEEPEST):
        yield dataset, i
        if type(dataset) is Subset:
            dataset, i = dataset.dataset, dataset.indices[i]
        elif type(dataset) is ConcatDataset:
            i %= len(dataset)
            part = bisect_right(dataset.cumulative_sizes, i)
            dataset, i = dataset.datasets[part], i - [0, *dataset.cumulative_sizes][part]
        else:
            return


def class_names(dataset: Any, i: int) -> Names:
    """Find the names of the classes, in a dataset or in one that torch's own wrappers hold.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With ``classes``, or with the ``features`` of Hugging Face; or a ``Subset`` or a
        ``ConcatDataset`` of such datasets. Another that holds a dataset may have changed the
        labels.
    i : int
        The row: parts of a ``ConcatDataset`` may have different classes.

    Returns
    -------
    sequence of str or mapping of int to str
        The name of each number, as the dataset has it; empty if they are not known, or the numbers
        are changed by a ``target_transform``, so that they may mean anything.
    """
    for part, _ in unwrap(dataset, i):
        if _own(part, "target_transform") is not None:
            return []
        if names := _own_names(part):
            return names
    return []


def _own(dataset: Any, name: str) -> Any:
    """Return an attribute of a dataset; None if there is none, or only `__getattr__` answers.

    This is how a wrapper passes on what the dataset within says of itself.
    """
    with suppress(Exception):  # the dataset's code is its own
        if (
            not hasattr(type(dataset), "__getattr__")
            or inspect.getattr_static(dataset, name, None) is not None
        ):
            return getattr(dataset, name, None)
    return None


def _own_names(dataset: Any) -> Names:
    names = _own(dataset, "classes")
    if names is None and isinstance(features := _own(dataset, "features"), Mapping):
        label = _column(features, _LABELS, features, "ClassLabel")
        names = getattr(features.get(label), "names", None)
    if isinstance(names, Mapping):
        if all(isinstance(word, Integral) for word in names.values()):  # as `class_to_idx` has them
            names = {number: word for word, number in names.items()}
        return names if all(isinstance(number, Integral) for number in names) else []
    if isinstance(names, (KeysView, ValuesView)):
        return list(names)
    if callable(to_list := getattr(names, "tolist", None)):  # an array, a column of pandas
        names = to_list()
    return names if isinstance(names, Sequence) and not isinstance(names, (str, bytes)) else []


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
    for _ in range(_DEEPEST):
        if dataset is None:
            break
        if isinstance(features := _own(dataset, "features"), Mapping):
            return features
        parts = _own(dataset, "datasets") if isinstance(dataset, ConcatDataset) else None
        dataset = parts[0] if parts and isinstance(parts, list) else _own(dataset, "dataset")
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
        return row[picture], NO_LABEL if label is None else _label_in(row[label], features)
    if isinstance(row, (tuple, list)):
        if len(row) not in (1, 2):
            raise UnusableError(f"a {type(row).__name__} of {len(row)}, not (picture, label)")
        return row[0], _label_in(row[1], features) if len(row) == 2 else NO_LABEL
    return row, NO_LABEL


def _label_in(value: Any, features: Mapping[str, Any]) -> Any:
    """Return a label; None for NaN, which Hugging Face's formats for arrays make of None."""
    if features and isinstance(value, (float, torch.Tensor, np.ndarray, np.floating)):
        array = np.asarray(value)
        if array.size == 1 and array.dtype.kind == "f" and np.isnan(array).all():
            return None
    return value


def _column(
    row: Mapping[str, Any], usual: Sequence[str], features: Mapping[str, Any], kind: str
) -> str | None:
    """Return the name of a column: one of the usual ones, else the only one of a type."""
    typed = [name for name, feature in features.items() if type(feature).__name__ == kind]
    found = [name for name in usual if name in row] or (typed if len(typed) == 1 else [])
    return found[0] if found and found[0] in row else None


def label_of(value: Any, names: Names) -> str | None:
    """Turn a label into a word.

    Parameters
    ----------
    value : object
        A word, a number, a tensor or array of one number, None, or `NO_LABEL`.
    names : sequence of str or mapping of int to str
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
    if value is None or value is NO_LABEL or value is np.ma.masked:
        return None
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Integral):
        number = int(value)
        if names and number not in _numbers(names):
            wanted = (
                f"none of the {len(names)} in classes"
                if isinstance(names, Mapping)
                else f"not from 0 to {len(names) - 1}"
            )
            raise UnusableError(f"its label {number} is {wanted}")
        return _word(names[number]) if names else str(number)
    if isinstance(value, str) or (isinstance(value, float) and math.isfinite(value)):
        word = readable(str(value))
        if names and word not in (_word(names[number]) for number in _numbers(names)):
            raise UnusableError(f"its label is none of the {len(names)} classes: {describe(value)}")
        return word
    raise UnusableError(f"its label is no word and no number: {describe(value)}")


def _numbers(names: Names) -> Collection[int]:
    return names.keys() if isinstance(names, Mapping) else range(len(names))


def _word(name: Any) -> str:
    # ImageNet's names are tuples of words that mean the same.
    return readable(", ".join(map(str, name)) if isinstance(name, tuple) else str(name))


def picture_of(value: Any) -> Image.Image:
    """Turn a picture of any usual form into one of Pillow.

    Parameters
    ----------
    value : PIL.Image.Image, torch.Tensor, numpy.ndarray, bytes or dict
        Bytes are those of a picture file; a dict has them as ``bytes``, or the file's ``path``, as
        Hugging Face's ``Image(decode=False)`` gives it. A tensor is 3×H×W, 1×H×W or H×W; an array
        is H×W×3, H×W×1 or H×W. uint8, or floats from 0 to 1, which torchvision's ``ToTensor`` makes
        of 0 to 255: they are scaled back and rounded.

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
    if isinstance(value, Mapping) and ("bytes" in value or "path" in value):
        return _opened(value)
    if isinstance(value, bytes):
        return _opened({"bytes": value})
    if isinstance(value, np.ma.MaskedArray):
        raise UnusableError(f"a masked {describe(value)}; fill it with array.filled(0)")
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


def _opened(file: Mapping[str, Any]) -> Image.Image:
    """Open the picture of a dict of ``bytes`` and ``path``, of which one may be None."""
    data, path = file.get("bytes"), file.get("path")
    if data is None and isinstance(path, str):
        data = Path(path).read_bytes()
    if not isinstance(data, bytes):
        raise UnusableError(f"no picture: {describe(dict(file))}")
    try:
        return decode.opened(data)
    except decode.RefusedError as error:
        raise UnusableError(str(error)) from None


def _channels_last(value: torch.Tensor | np.ndarray) -> np.ndarray:
    """Return H×W×C, from what torch and NumPy each call a picture."""
    if isinstance(value, np.ndarray):
        return value[..., None] if value.ndim == 2 else value
    value = value.detach().cpu()
    pixels = (value.float() if value.is_floating_point() else value).numpy()
    return pixels[..., None] if pixels.ndim == 2 else np.moveaxis(pixels, 0, -1)


def _scaled_back(pixels: np.ndarray, words: str) -> np.ndarray:
    low, high = float(pixels.min()), float(pixels.max())
    if -_ROUNDING <= low <= high <= 1 + _ROUNDING:
        return (pixels.astype(np.float32) * 255).round().clip(0, 255).astype(np.uint8)
    advice = (
        "leave Normalize out of the transform" if low < 0
        else "convert them to uint8" if high <= 255
        else "they are not all finite numbers from 0 to 255"
    )  # fmt: skip
    raise NotInRangeError(f"{words} with values from {low:.3g} to {high:.3g}, not 0 to 1: {advice}")
