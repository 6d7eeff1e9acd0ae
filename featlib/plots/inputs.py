"""What a figure is given: numbers, pictures, names and records, each checked in one place.

Plain Python numbers, NumPy arrays and tensors all fit, on any device and with or without gradients.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from featlib import checks
from featlib.engine.words import describe, printable, shape_text

__all__ = [
    "LARGEST",
    "class_numbers",
    "highest",
    "is_finite",
    "mapping",
    "names",
    "numbers",
    "picture",
    "record",
    "reference_line",
    "short",
    "words",
]

LARGEST = 1e30  # no float32 overflows while it is drawn
_MOST_PIXELS = 10**8

_Record = TypeVar("_Record")


def numbers(
    value: object, where: str, name: str, shape: Sequence[int | str], finite: bool = True
) -> np.ndarray:
    """Return real numbers as an array, whatever they came as.

    Parameters
    ----------
    value : object
        A tensor, an array, or a list of numbers.
    where, name : str
        The function that checks and the parameter's name, for the message.
    shape : sequence of int or str
        The length of each axis: a number that it must have, or a letter for any from 1 on.
    finite : bool
        Whether NaN, infinity and numbers beyond 1e30 are refused.

    Returns
    -------
    numpy.ndarray
        Of this shape and any real dtype. It may share memory with `value`.

    Raises
    ------
    featlib.FeatlibError
        If these are no real numbers of this shape.
    """
    form = {0: "one number", 1: f"{shape[0] if shape else 0} numbers in a row"}
    wanted = f"{name}, {form.get(len(shape), 'numbers ' + '×'.join(map(str, shape)))}"
    array = _array(value, where, wanted)
    if not _fits(array.shape, shape):
        checks.refuse(where, wanted, _said(value), _advice_on_shape(array.shape, shape, name))
    if finite and array.dtype.kind == "f" and (bad := int((~is_finite(array)).sum())):
        got = f"{bad} of {array.size} that are NaN, infinite or beyond {LARGEST:g}"
        checks.refuse(where, f"{wanted}, all finite", got, "Leave these out, or set them to 0.")
    return array


def is_finite(values: np.ndarray) -> np.ndarray:
    """Say which numbers can be drawn.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers of any real dtype and shape.

    Returns
    -------
    numpy.ndarray
        bool, of the same shape: False for NaN, infinity and numbers beyond 1e30.
    """
    return np.abs(values) <= LARGEST


def picture(value: object, where: str) -> np.ndarray:
    """Return one image as matplotlib draws it.

    Parameters
    ----------
    value : object
        3×H×W, H×W×3, or H×W for gray; uint8 0–255 or any float dtype 0–1: a tensor, an array, or a
        picture of Pillow.
    where : str
        The function that checks; the message begins with it.

    Returns
    -------
    numpy.ndarray
        H×W×3 of the same dtype; float32 for other floats.

    Raises
    ------
    featlib.FeatlibError
        If it is anything else; the message names the conversion that would help.
    """
    wanted = "an image 3×H×W, uint8 0–255 or float 0–1"
    array = _array(value, where, wanted)
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 3 and array.shape[0] == 1:
        array = np.repeat(array, 3, 0)
    if array.ndim == 3 and array.shape[0] != 3 == array.shape[2]:
        array = array.transpose(2, 0, 1)
    if not _fits(array.shape, (3, "H", "W")) or array[0].size > _MOST_PIXELS:
        fix = "Pass one image: three color channels of at most 10,000 × 10,000 pixels."
        if array.ndim == 4 and len(array):
            fix = "Pass one image of the batch: images[0]."
        checks.refuse(where, wanted, _said(value), fix)
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not 0 <= low <= high <= 1:
            fix = "Divide by 255 if they reach from 0 to 255; draw it before mean and std are used."
            checks.refuse(where, wanted, f"values from {low:.3g} to {high:.3g}", fix)
        array = array.astype(np.float32, copy=False)
    elif array.dtype != np.uint8:
        fix = "Convert it: .to(torch.uint8), or .astype('uint8') for an array."
        checks.refuse(where, wanted, _said(value), fix)
    return array.transpose(1, 2, 0)


def class_numbers(value: object, where: str, n: int, n_classes: int) -> np.ndarray:
    """Return labels as an array of whole numbers.

    Parameters
    ----------
    value : object
        N class numbers from 0: a tensor, an array, or a list.
    where : str
        The function that checks; the message begins with it.
    n, n_classes : int
        How many labels, and how many classes there are.

    Returns
    -------
    numpy.ndarray
        int64 N.

    Raises
    ------
    featlib.FeatlibError
        If their number is another, or one is no class number.
    """
    array = numbers(value, where, "labels", (n,))
    whole = array.astype(np.int64)
    if (whole != array).any() or whole.min() < 0 or whole.max() >= n_classes:
        wanted = f"labels, whole numbers from 0 to {n_classes - 1}"
        got = f"labels from {array.min():g} to {array.max():g}"
        checks.refuse(where, wanted, got, "Count classes from 0, and name every class.")
    return whole


def names(value: Any, where: str, name: str, n: int | None = None, most: int = 40) -> list[str]:
    """Return a text for each of N things, short enough to draw.

    Parameters
    ----------
    value : object
        N texts, in a list or a tuple.
    where, name : str
        The function that checks and the parameter's name, for the message.
    n : int, optional
        How many there must be; at least one, if left out.
    most : int
        Characters of each at most.

    Returns
    -------
    list of str
        Each as `short` gives it.

    Raises
    ------
    featlib.FeatlibError
        If their number is another, it is one text, or one cannot be written as text.
    """
    wanted = f"{name}, {n or '1 or more'} texts"
    try:
        given = list(() if isinstance(value, (str, bytes)) else value)
    except Exception:  # a number, or whatever an object of somebody else's raises
        given = []
    if not given:
        checks.refuse(where, wanted, _said(value), "Put the texts into a list.")
    texts = [short(text, most) for text in given]
    if n is not None and len(texts) != n:
        checks.refuse(where, wanted, f"{len(texts)}", f"Give exactly {n}, one for each.")
    return texts


def mapping(value: object, where: str, most: int | None = None) -> Mapping[str, Any]:
    """Check what is given by name: a dict with something in it.

    Parameters
    ----------
    value : object
        The dict.
    where : str
        The function that checks; the message begins with it.
    most : int, optional
        The largest number of names; any, if left out.

    Returns
    -------
    dict of str to object
        The same values, under names as `short` gives them.

    Raises
    ------
    featlib.FeatlibError
        If it is no dict, or has no name or too many.
    """
    wanted = f"{f'1 to {most}' if most else '1 or more'} names with their numbers, in a dict"
    if not isinstance(value, Mapping):
        checks.refuse(where, wanted, _said(value), "Give a dict: {'name': …}.")
    if not value or (most and len(value) > most):
        fix = "Draw the others in a chart of their own." if value else "Give at least one."
        checks.refuse(where, wanted, f"{len(value)}", fix)
    kept = {short(key): item for key, item in value.items()}
    if len(kept) < len(value):  # they differ only in what was cut out
        kept = {f"{i} {short(key)}": item for i, (key, item) in enumerate(value.items(), 1)}
    return kept


def record(value: object, kind: type[_Record], where: str, made_by: str) -> _Record:
    """Check that a record is of the right kind.

    Parameters
    ----------
    value : object
        The record.
    kind : type
        What it should be.
    where : str
        The function that checks; the message begins with it.
    made_by : str
        What returns such a record.

    Returns
    -------
    object
        The same record.

    Raises
    ------
    featlib.FeatlibError
        If it is anything else.
    """
    wanted = f"the {kind.__name__} that {made_by} returns"
    return checks.instance(value, kind, where, wanted, f"Pass what {made_by} returns.")


def reference_line(value: object, where: str) -> tuple[str, float]:
    """Check a line to compare with: its name, and where it is.

    Parameters
    ----------
    value : object
        A pair of a text and a number.
    where : str
        The function that checks; the message begins with it.

    Returns
    -------
    tuple of (str, float)
        The same.

    Raises
    ------
    featlib.FeatlibError
        If it is anything else.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        wanted = "line as a pair, its name and a number"
        checks.refuse(where, wanted, _said(value), "Try line=('guessing', 0.1).")
    return short(value[0]), float(numbers(value[1], where, "line[1]", ()))


def highest(values: np.ndarray, most: int) -> np.ndarray:
    """Choose what to draw where there is too much: the highest values; all, if they are few.

    Parameters
    ----------
    values : numpy.ndarray
        Any real dtype, N numbers.
    most : int
        How many at most.

    Returns
    -------
    numpy.ndarray
        int64: the places of those to draw. All N keep their order; of more than `most`, the
        highest comes first.
    """
    if len(values) <= most:
        return np.arange(len(values))
    return np.argsort(-values.astype(float), kind="stable")[:most]


def short(name: object, most: int = 40) -> str:
    """Return a name that fits into a figure.

    Parameters
    ----------
    name : object
        Any name; the names of folders may have hundreds of characters.
    most : int
        How many characters at most.

    Returns
    -------
    str
        The name; the middle of a long one is replaced by ``…``, since its end may tell it from
        others.

    Raises
    ------
    featlib.FeatlibError
        If it cannot be written as text.
    """
    return _cut(checks.text(name, "plots", "each name"), most)


def words(where: str, **given: object) -> list[str]:
    """Return titles and labels as texts that fit into a figure.

    Parameters
    ----------
    where : str
        The function that checks; the message begins with it.
    **given : object
        The parameters, by their names.

    Returns
    -------
    list of str
        In the same order, of at most 240 characters each.

    Raises
    ------
    featlib.FeatlibError
        If one cannot be written as text.
    """
    return [_cut(checks.text(value, where, name), 240) for name, value in given.items()]


def _cut(text: str, most: int) -> str:
    text = printable(text, lines=True)
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-((most - 1) // 2) :]}"


def _array(value: object, where: str, wanted: str) -> np.ndarray:
    """Return a tensor, an array or a list as an array of real numbers."""
    if isinstance(value, torch.Tensor):
        if value.device.type == "meta":
            fix = "A tensor on the device 'meta' holds no numbers: make it on 'cpu'."
            checks.refuse(where, wanted, _said(value), fix)
        value = value.detach().to_dense().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value
    if isinstance(value, (list, tuple)):
        value = [_array(x, where, wanted) if isinstance(x, torch.Tensor) else x for x in value]
    try:
        array = np.asarray(value)
    except Exception:  # whatever an object of somebody else's raises
        checks.refuse(where, wanted, _said(value), "Give an array whose rows are equally long.")
    if array.dtype.kind not in "fiub":
        complex_ = array.dtype.kind == "c"
        fix = (
            "Take its .real part." if complex_ else "Give a tensor, an array, or a list of numbers."
        )
        checks.refuse(where, wanted, _said(value), fix)
    return array


def _fits(given: tuple[int, ...], wanted: Sequence[int | str]) -> bool:
    return len(given) == len(wanted) and all(
        length == due or (isinstance(due, str) and length > 0)
        for length, due in zip(given, wanted, strict=True)
    )


def _advice_on_shape(given: tuple[int, ...], wanted: Sequence[int | str], name: str) -> str:
    """Say what makes the given shape the wanted one, if one simple step does."""
    form = "×".join(map(str, wanted))
    if _fits(given[len(given) - len(wanted) :], wanted) and 0 not in given:
        return f"Pass a part of it: {name}{'[0]' * (len(given) - len(wanted))}."
    if _fits((1, *given), wanted):
        return f"Put it into a list of one: [{name}]."
    if len(given) == 4 and _fits((given[0], given[3], *given[1:3]), wanted):
        return f"The channels come last: {name}.permute(0, 3, 1, 2)."
    return f"It has the shape {shape_text(given)}: give one of {form or 'no axes, one number'}."


def _said(value: object) -> str:
    return " ".join(describe(value).split())  # a tensor in a list has several lines
