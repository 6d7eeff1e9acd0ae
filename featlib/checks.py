"""The one place that refuses a wrong shape, dtype, range or file.

Every message has three parts: what was wanted, what was given, and how to fix it.
This module does not import torch: it reads the shape and dtype of what it is given.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from featlib.engine.files import sha256
from featlib.engine.words import describe, dtype_name, readable

if TYPE_CHECKING:
    import torch

__all__ = [
    "FeatlibError",
    "all_finite",
    "checksum",
    "classes",
    "features",
    "file",
    "folder",
    "labels",
    "number",
    "one_of",
    "pixels",
    "refuse",
    "three_numbers",
    "unit_images",
    "whole_number",
]


class FeatlibError(ValueError):
    """The error of all featlib functions: an input is refused.

    Its message is one line with the place, what was wanted, what was given, and how to fix it.
    """


def refuse(where: str, wanted: str, got: str, fix: str) -> NoReturn:
    """Raise the error that all checks raise.

    Parameters
    ----------
    where : str
        The function or file that refuses.
    wanted : str
        What was needed.
    got : str
        What was given.
    fix : str
        What the reader can do; a sentence.

    Raises
    ------
    FeatlibError
        Always.
    """
    raise FeatlibError(readable(f"{where}: wanted {wanted}, got {got}. {fix}"))


def pixels(value: "torch.Tensor", where: str) -> None:
    """Check raw images: a uint8 tensor N×3×H×W with at least one image.

    Parameters
    ----------
    value : torch.Tensor
        uint8 N×3×H×W, values 0–255: the images.
    where : str
        The function that checks; the message begins with it.

    Raises
    ------
    FeatlibError
        If they are anything else; the message names the conversion that would help.
    """
    wanted = "raw images, a uint8 tensor N×3×H×W with values 0–255"
    _is_tensor(value, where, wanted)
    if dtype_name(value) != "uint8":
        refuse(where, wanted, describe(value), _uint8_advice(value))
    _is_image_batch(value, where, wanted)


def unit_images(value: "torch.Tensor", where: str) -> None:
    """Check preprocessed images: a float32 tensor N×3×H×W, finite, within 0–1.

    Parameters
    ----------
    value : torch.Tensor
        float32 N×3×H×W, values 0–1: the images.
    where : str
        The function that checks; the message begins with it.

    Raises
    ------
    FeatlibError
        If they are anything else; the message names the conversion that would help.
    """
    wanted = "images scaled to 0–1, a float32 tensor N×3×H×W"
    _is_tensor(value, where, wanted)
    if dtype_name(value) == "uint8":
        refuse(where, wanted, describe(value), "Scale them first: preprocess.scale(pixels).")
    if dtype_name(value) != "float32":
        refuse(where, wanted, describe(value), "Convert them: images.to(torch.float32).")
    _is_image_batch(value, where, wanted)
    _is_finite(value, where, wanted)
    low, high = float(value.min()), float(value.max())
    if low < 0 or high > 1:
        advice = (
            "They look like 0–255: divide by 255 once."
            if high > 2 and low >= 0
            else "They look normalized already: pass the images before mean and std."
        )
        refuse(where, wanted, f"values from {low:.3g} to {high:.3g}", advice)


def features(value: "torch.Tensor", where: str, width: int | None = None) -> None:
    """Check feature vectors: a finite float32 tensor N×D with at least one row.

    Parameters
    ----------
    value : torch.Tensor
        float32 N×D: the features.
    where : str
        The function that checks; the message begins with it.
    width : int, optional
        The D that is wanted; left out, any.

    Raises
    ------
    FeatlibError
        If the shape, dtype or a value is wrong.
    """
    wanted = f"features, a float32 tensor N×{width or 'D'}"
    _is_tensor(value, where, wanted)
    if value.ndim != 2 or 0 in value.shape:
        refuse(where, wanted, describe(value), "One row an image; flatten(1) makes rows of images.")
    if dtype_name(value) != "float32":
        refuse(where, wanted, describe(value), "Convert them: features.to(torch.float32).")
    if width is not None and value.shape[1] != width:
        refuse(
            where,
            wanted,
            describe(value),
            f"Use the backbone that this head was trained on: its features are {width} wide.",
        )
    _is_finite(value, where, wanted)


def labels(value: "torch.Tensor", where: str, n: int, n_classes: int) -> None:
    """Check labels: an int64 tensor of N class numbers from 0 to ``n_classes`` − 1.

    Parameters
    ----------
    value : torch.Tensor
        int64 N: the labels.
    where : str
        The function that checks; the message begins with it.
    n : int
        The number of rows that the labels belong to.
    n_classes : int
        The number of classes.

    Raises
    ------
    FeatlibError
        If the shape, dtype or a value is wrong.
    """
    wanted = f"labels, an int64 tensor of {n} class numbers from 0 to {n_classes - 1}"
    _is_tensor(value, where, wanted)
    if value.ndim != 1 or value.shape[0] != n:
        refuse(where, wanted, describe(value), "Give one label an image, in the same order.")
    if dtype_name(value) != "int64":
        refuse(where, wanted, describe(value), "Convert them: labels.to(torch.int64).")
    low, high = int(value.min()), int(value.max())
    if low < 0 or high >= n_classes:
        refuse(
            where,
            wanted,
            f"labels from {low} to {high}",
            "Count classes from 0, and name every class in `classes`.",
        )


def classes(value: Iterable[str], where: str) -> tuple[str, ...]:
    """Check class names: at least two different strings.

    Parameters
    ----------
    value : iterable of str
        The names.
    where : str
        The function that checks; the message begins with it.

    Returns
    -------
    tuple of str
        The same names, in the same order.

    Raises
    ------
    FeatlibError
        If there are fewer than two, or two are the same.
    """
    wanted = "at least two classes with different names"
    if isinstance(value, str):
        refuse(where, wanted, describe(value), "Pass a list of names.")
    names = tuple(str(name) for name in value)
    if len(names) < 2 or len(set(names)) != len(names):
        refuse(
            where,
            wanted,
            ", ".join(names) or "none",
            "A classifier needs something to choose between: add a class, or rename one.",
        )
    return names


def whole_number(value: int, where: str, name: str, low: int = 1, high: int | None = None) -> int:
    """Check a count: a whole number within a range.

    Parameters
    ----------
    value : int
        The number.
    where, name : str
        The function that checks and the parameter's name, for the message.
    low : int
        The smallest that is allowed.
    high : int, optional
        The largest that is allowed.

    Returns
    -------
    int
        The same number, as Python's own int.

    Raises
    ------
    FeatlibError
        If it is no whole number or out of range.
    """
    ok = isinstance(value, Integral) and not isinstance(value, bool) and value >= low
    if not ok or (high is not None and value > high):
        wanted = f"{name} as a whole number " + (
            f"of at least {low}" if high is None else f"from {low} to {high}"
        )
        refuse(where, wanted, describe(value), f"Try {name}={low if high is None else high}.")
    return int(value)


def number(
    value: float,
    where: str,
    name: str,
    low: float = 0.0,
    high: float = float("inf"),
    above: bool = False,
) -> float:
    """Check a setting: a finite number within a range.

    Parameters
    ----------
    value : float
        The number.
    where, name : str
        The function that checks and the parameter's name, for the message.
    low, high : float
        The range; both ends are allowed.
    above : bool
        Whether `low` itself is refused.

    Returns
    -------
    float
        The same number.

    Raises
    ------
    FeatlibError
        If it is no number, not finite, or out of range.
    """
    ok = isinstance(value, Real) and not isinstance(value, bool)
    if not (ok and low <= value <= high and abs(value) != float("inf")) or (above and value == low):
        span = f"{'above' if above else 'of at least'} {low:g}"
        if high != float("inf"):
            span += f" and at most {high:g}"
        refuse(where, f"{name} as a number {span}", describe(value), f"Change {name}.")
    return float(value)


def three_numbers(
    value: Sequence[float], where: str, name: str, above: bool = False
) -> tuple[float, float, float]:
    """Check a setting that has a number for each color channel.

    Parameters
    ----------
    value : sequence of float
        Three numbers.
    where, name : str
        The function that checks and the parameter's name, for the message.
    above : bool
        Whether they must be above 0.

    Returns
    -------
    tuple of (float, float, float)
        The same numbers, for red, green and blue.

    Raises
    ------
    FeatlibError
        If they are not three finite numbers, or one is not above 0.
    """
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        wanted = f"{name} as three numbers, for red, green and blue"
        refuse(where, wanted, describe(value), f"Change {name}.")
    low = 0.0 if above else float("-inf")
    red, green, blue = (number(x, where, name, low, above=above) for x in value)
    return red, green, blue


def one_of(value: str, where: str, name: str, options: Collection[str]) -> None:
    """Check a choice among names.

    Parameters
    ----------
    value : str
        The choice.
    where, name : str
        The function that checks and the parameter's name, for the message.
    options : collection of str
        What can be chosen.

    Raises
    ------
    FeatlibError
        If it is none of them.
    """
    if value not in options:
        listed = ", ".join(map(repr, options))
        refuse(where, f"{name} to be one of {listed}", describe(value), "Check the spelling.")


def file(path: str | Path, where: str, what: str) -> Path:
    """Check that a path is a file that exists and is not empty.

    Parameters
    ----------
    path : str or pathlib.Path
        The path.
    where, what : str
        The function that checks, and what the file should be, for the message.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    FeatlibError
        If there is no such file, or it is empty or a folder.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing there"
        refuse(where, f"{what} at '{path}'", got, "Check the path.")
    if path.stat().st_size == 0:
        refuse(where, f"{what} at '{path}'", "an empty file", "Get the file again.")
    return path


def folder(path: str | Path, where: str, what: str) -> Path:
    """Check that a path is a folder.

    Parameters
    ----------
    path : str or pathlib.Path
        The path.
    where, what : str
        The function that checks, and what the folder should hold, for the message.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    FeatlibError
        If there is no such folder, or it cannot be listed.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        got = "a file" if path.exists() else "nothing there"
        refuse(where, f"a folder of {what} at '{path}'", got, "Check the path.")
    try:
        os.scandir(path).close()
    except OSError as error:
        wanted = f"to list the folder of {what} at '{path}'"
        refuse(where, wanted, str(error.strerror), "Get the right to read it.")
    return path


def checksum(path: Path, expected: str, where: str) -> None:
    """Check a file's SHA-256 before anything in it is used.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    expected : str
        The SHA-256 in hexadecimal, in small or capital letters.
    where : str
        The function that checks; the message begins with it.

    Raises
    ------
    FeatlibError
        If the file is cut off or altered.
    """
    actual = sha256(path)
    if actual != expected.lower():
        refuse(
            where,
            f"'{path}' with SHA-256 {expected[:12]}…",
            f"{actual[:12]}… ({path.stat().st_size:,} bytes)",
            "The file is cut off or altered: get it again (for a bundled file, reinstall featlib).",
        )


def all_finite(values: "torch.Tensor") -> bool:
    """Say whether a tensor holds finite numbers only.

    Parameters
    ----------
    values : torch.Tensor
        Real numbers of any dtype and shape.

    Returns
    -------
    bool
        True for an empty tensor.
    """
    # If one value is NaN, both extremes are. Testing every value takes twenty times as long.
    return not values.numel() or all(bool(extreme.isfinite()) for extreme in values.aminmax())


def _is_tensor(value: object, where: str, wanted: str) -> None:
    if not type(value).__module__.startswith("torch") or not hasattr(value, "dtype"):
        advice = (
            "Convert it: torch.from_numpy(array)."
            if hasattr(value, "dtype")
            else "images.load() and features.extract() return tensors."
        )
        refuse(where, wanted, describe(value), advice)


def _is_image_batch(value: "torch.Tensor", where: str, wanted: str) -> None:
    shape = tuple(value.shape)
    if len(shape) == 3:
        refuse(where, wanted, describe(value), "For one image add an axis: image[None].")
    if len(shape) == 4 and shape[1] != 3 and shape[3] == 3:
        refuse(
            where,
            wanted,
            describe(value),
            "The channels come last: images.permute(0, 3, 1, 2) puts them second.",
        )
    if len(shape) != 4 or shape[1] != 3 or 0 in shape:
        refuse(where, wanted, describe(value), "Three color channels, second axis, no empty batch.")


def _is_finite(value: "torch.Tensor", where: str, wanted: str) -> None:
    if not all_finite(value):
        bad = int((~value.isfinite()).flatten(1).any(1).sum())
        refuse(
            where,
            wanted + ", all finite",
            f"NaN or infinite values in {bad} of {len(value)} rows",
            "Find them with tensor.isfinite() and fix or leave out those rows.",
        )


def _uint8_advice(value: "torch.Tensor") -> str:
    if not dtype_name(value).startswith(("float", "bfloat")):
        return "Convert them: images.to(torch.uint8)."
    if value.numel() and float(value.max()) <= 1:
        return "They look like 0–1: (images * 255).round().to(torch.uint8)."
    return "They look like 0–255: images.round().to(torch.uint8)."
