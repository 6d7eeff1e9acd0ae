"""The one place that refuses a wrong shape, dtype, range or file.

Every message has three parts: what was wanted, what was given, and how to fix it.
This module does not import torch: it reads the shape and dtype of what it is given.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from difflib import get_close_matches
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from featlib.engine import convert
from featlib.engine.files import atomic_write_all, special
from featlib.engine.words import describe, is_array, printable, reason

if TYPE_CHECKING:
    import torch

    from featlib.engine.folders import Listing

__all__ = [
    "FeatlibError",
    "all_finite",
    "classes",
    "feature_row",
    "features",
    "file",
    "folder",
    "image",
    "instance",
    "labels",
    "listing",
    "number",
    "one_of",
    "output_file",
    "output_folder",
    "path",
    "pixels",
    "refuse",
    "settings",
    "switch",
    "text",
    "three_numbers",
    "unit_images",
    "whole_number",
    "write_files",
]


_LARGEST = 10**100  # of more digits, Python itself refuses to print some
_ALSO_CALLED = {"gpu": "cuda", "nvidia": "cuda", "metal": "mps"}  # what people call an option


class FeatlibError(ValueError):
    """The error of all featlib functions: an input is refused.

    Its message is one line with the place, what was wanted, what was given, and how to fix it; a
    list of faults has a line for each. What a terminal would obey in it is written out.

    Parameters
    ----------
    message : str
        The message.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, lines=True))


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
    where, wanted, got, fix = map(printable, (where, wanted, got, fix))
    raise FeatlibError(f"{where}: wanted {wanted}, got {got}. {fix}")


def pixels(value: "torch.Tensor", where: str, anywhere: bool = False) -> None:
    """Check raw images: a uint8 tensor N×3×H×W with at least one image.

    Parameters
    ----------
    value : torch.Tensor
        uint8 N×3×H×W, values 0–255: the images.
    where : str
        The function that checks; the message begins with it.
    anywhere : bool
        Whether they may lie on a GPU.

    Raises
    ------
    FeatlibError
        If they are anything else; the message names the conversion that would help.
    """
    wanted = "raw images, a uint8 tensor N×3×H×W with values 0–255"
    _settle(convert.to_pixels(value, anywhere), value, where, wanted)


def image(value: "torch.Tensor", where: str) -> None:
    """Check one raw image: a uint8 tensor 3×H×W.

    Parameters
    ----------
    value : torch.Tensor
        uint8 3×H×W, values 0–255: the image.
    where : str
        The function that checks; the message begins with it.

    Raises
    ------
    FeatlibError
        If it is anything else.
    """
    if getattr(value, "ndim", None) != 3:
        refuse(where, "one image, uint8 3×H×W", describe(value), "Pass one row: pixels[i].")
    pixels(value[None], where)


def unit_images(value: "torch.Tensor", where: str, anywhere: bool = False) -> None:
    """Check preprocessed images: a float32 tensor N×3×H×W, finite, within 0–1.

    Parameters
    ----------
    value : torch.Tensor
        float32 N×3×H×W, values 0–1: the images.
    where : str
        The function that checks; the message begins with it.
    anywhere : bool
        Whether they may lie on a GPU.

    Raises
    ------
    FeatlibError
        If they are anything else; the message names the conversion that would help.
    """
    wanted = "images scaled to 0–1, a float32 tensor N×3×H×W"
    _settle(convert.to_unit_images(value, anywhere), value, where, wanted)


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
    wanted = f"features, a float32 tensor N×{width or 'D'}, all finite"
    _settle(convert.to_features(value, width), value, where, wanted)


def feature_row(value: "torch.Tensor", where: str, width: int | None = None) -> None:
    """Check the features of one image: a finite float32 tensor D.

    Parameters
    ----------
    value : torch.Tensor
        float32 D: the features.
    where : str
        The function that checks; the message begins with it.
    width : int, optional
        The D that is wanted; left out, any.

    Raises
    ------
    FeatlibError
        If the shape, dtype or a value is wrong.
    """
    if getattr(value, "ndim", None) != 1:
        wanted = f"the features of one image, a float32 tensor {width or 'D'}"
        refuse(where, wanted, describe(value), "Pass one row: features[i].")
    features(value[None], where, width)


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
    _settle(convert.to_labels(value, n, n_classes), value, where, wanted)


def classes(value: Iterable[str], where: str) -> tuple[str, ...]:
    """Check class names: at least two different strings.

    Parameters
    ----------
    value : iterable of str
        The names, in an order of their own: a list, a tuple, an array, a generator.
    where : str
        The function that checks; the message begins with it.

    Returns
    -------
    tuple of str
        The same names, in the same order.

    Raises
    ------
    FeatlibError
        If there are fewer than two, two are the same, or one cannot be written as text; or if they
        are in a set or a dict, whose order says nothing about the numbers of the classes.
    """
    wanted = "at least two classes with different names"
    if isinstance(value, (Set, Mapping)):
        fix = "Pass a list: the order gives each name its number."
        refuse(where, f"{wanted}, in a list", describe(value), fix)
    try:
        given = () if isinstance(value, (str, bytes)) else tuple(value)
    except Exception:  # a number, a tensor without axes, whatever somebody else's object raises
        given = ()
    names = tuple(text(name, where, "each class name") for name in given)
    if not names:
        refuse(where, wanted, describe(value), 'Pass a list of names, such as ["cat", "dog"].')
    if len(names) < 2 or len(set(names)) != len(names):
        refuse(
            where,
            wanted,
            ", ".join(names),
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
        The largest that is allowed; 10**100 if left out.

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
    most = _LARGEST if high is None else high
    if not ok or value > most:
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        span += ", and at most 10**100" if ok and high is None else ""
        wanted = f"{name} as a whole number {span}"
        near = round(min(max(_as_number(value, low), low), 1e15 if high is None else high))
        refuse(where, wanted, describe(value), f"Try {name}={near}.")
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
    found = _as_number(value, float("nan")) if ok else float("nan")
    if not (isfinite(found) and low <= found <= high) or (above and found == low):
        span = f"{'above' if above else 'of at least'} {low:g}"
        if high != float("inf"):
            span += f" and at most {high:g}"
        near = min(max(_as_number(value, low), low), high)
        if near == float("inf") or (above and near == low):
            near = min(low + 0.01, high)
        refuse(where, f"{name} as a number {span}", describe(value), f"Try {name}={near:g}.")
    return found


def _as_number(value: Any, default: float) -> float:
    """Return the number that a value is, or holds as text; the default if it is none."""
    try:
        found = default if isinstance(value, bool) else float(value)
    except OverflowError:
        return float("inf")
    except Exception:  # whatever an object of somebody else's raises
        return default
    return default if found != found else found


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
    values = value.tolist() if is_array(value) else value
    if not isinstance(values, (list, tuple)) or len(values) != 3:
        wanted = f"{name} as three numbers, for red, green and blue"
        refuse(where, wanted, describe(value), f"Try {name}=(0.5, 0.5, 0.5).")
    low = 0.0 if above else float("-inf")
    red, green, blue = (number(x, where, name, low, above=above) for x in values)
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
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(map(repr, options))
        fix = f"Check the spelling{_nearest(value, options)}"
        refuse(where, f"{name} to be one of {listed}", describe(value), fix)


def settings(names: Iterable[str], where: str, known: Collection[str]) -> None:
    """Check the names of settings.

    Parameters
    ----------
    names : iterable of str
        The names that were given.
    where : str
        The function that checks; the message begins with it.
    known : collection of str
        The names that there are.

    Raises
    ------
    FeatlibError
        If one is none of them; the message names the nearest.
    """
    for name in names:
        if name not in known:
            fix = f"Check the spelling{_nearest(name, known)}"
            refuse(where, f"settings among {', '.join(known)}", str(name), fix)


def switch(value: bool, where: str, name: str) -> bool:
    """Check a setting that is on or off.

    Parameters
    ----------
    value : bool
        Python's or NumPy's.
    where, name : str
        The function that checks and the parameter's name, for the message.

    Returns
    -------
    bool
        The same, as Python's own.

    Raises
    ------
    FeatlibError
        If it is neither True nor False.
    """
    if type(value).__name__ not in ("bool", "bool_"):  # NumPy 1 and 2 call theirs differently
        if isinstance(value, str):
            off = value.strip().lower() in ("no", "off", "false", "0", "0.0", "")
        else:
            off = not (isinstance(value, (int, float)) and value)
        refuse(where, f"{name} as True or False", describe(value), f"Try {name}={not off}.")
    return bool(value)


def instance(
    value: object, kind: type | tuple[type, ...], where: str, wanted: str, fix: str
) -> Any:
    """Check that a value is of a class.

    Parameters
    ----------
    value : object
        The value.
    kind : type or tuple of type
        The class, or several.
    where, wanted : str
        The function that checks, and what the value should be, for the message.
    fix : str
        Where to get one; a sentence.

    Returns
    -------
    object
        The same value.

    Raises
    ------
    FeatlibError
        If it is of another class.
    """
    if not isinstance(value, kind):
        refuse(where, wanted, describe(value), fix)
    return value


def text(value: object, where: str, name: str) -> str:
    """Return a value as text.

    Parameters
    ----------
    value : object
        Text, a number, or anything else that Python can write.
    where, name : str
        The function that checks and what the value is, for the message.

    Returns
    -------
    str
        As `str` gives it.

    Raises
    ------
    FeatlibError
        If it cannot be written: a number of more than 4,300 digits, or an object whose own
        ``__str__`` fails.
    """
    try:
        return str(value)
    except Exception:  # whatever an object of somebody else's raises
        refuse(where, f"{name} as text", describe(value), "Pass a text instead, such as 'cat'.")


def _nearest(value: object, options: Iterable[str]) -> str:
    """Return the question for the option that was meant, by its look or by its initials."""
    lower = {option.lower(): option for option in options}
    short = {"".join(part[0] for part in option.split("_") if part): option for option in lower}
    text = value.lower() if isinstance(value, str) else ""
    text = _ALSO_CALLED.get(text.partition(":")[0], text)
    likely = get_close_matches(text, lower, 1) or ([short[text]] if text in short else [])
    return f"; did you mean {lower[likely[0]]!r}?" if likely else "."


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
    path = _path(path, where, what)
    if not path.is_file():
        kind = special(path.stat().st_mode) if path.exists() else ""
        _not_there(path, where, f"{what} at '{path}'", kind)
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
    path = _path(path, where, f"a folder of {what}")
    if not path.is_dir():
        wanted = f"a folder of {what} at '{path}'"
        _not_there(path, where, wanted, "a file" if path.exists() else "")
    try:
        os.scandir(path).close()
    except OSError as error:
        wanted = f"to list the folder of {what} at '{path}'"
        refuse(where, wanted, str(error.strerror), "Get the right to read it.")
    return path


def listing(path: str | Path, where: str, tick: Callable[[int], object] = bool) -> "Listing":
    """Check that a path is a folder, and list the pictures in it.

    Parameters
    ----------
    path : str or pathlib.Path
        The path.
    where : str
        The function that checks; the message begins with it.
    tick : callable
        Called with 1 after each file, for a progress bar.

    Returns
    -------
    featlib.engine.folders.Listing
        What is in it.

    Raises
    ------
    FeatlibError
        If there is no such folder, or it or one within it cannot be listed.
    """
    from featlib.engine.folders import list_pictures  # imports torch

    path = folder(path, where, "pictures")
    try:
        return list_pictures(path, tick)
    except OSError as error:
        wanted = f"to list the folder '{error.filename or path}'"
        refuse(where, wanted, str(error.strerror), "Get the right to read it, or move it away.")


def _path(path: str | os.PathLike[str], where: str, what: str) -> Path:
    """Return a path with ``~`` replaced; refuse what is none, or cannot be looked for."""
    is_path = isinstance(path, (str, os.PathLike))
    if not is_path or not text(path, where, f"the path of {what}").strip():
        fix = "Pass its path as text or as a pathlib.Path."
        refuse(where, f"the path of {what}", describe(path), fix)
    if re.match(r"\w\w+:[/\\]", str(path)):  # a letter before the colon is a disk of Windows
        fix = "Download it, and pass the path of the copy."
        refuse(where, f"the path of {what}", f"the address {path}", fix)
    if "\0" in str(path):
        refuse(
            where, f"{what} at '{path}'", "a name with a null character in it", "Check the path."
        )
    try:
        found = Path(path).expanduser()
        found.is_file()
    except Exception as error:  # too long, ~nobody, or whatever somebody else's object raises
        why = getattr(error, "strerror", None) or reason(error).rstrip(".")
        refuse(where, f"{what} at '{str(path)[:200]}'", why, "Check the path.")
    return found


def _not_there(path: Path, where: str, wanted: str, got: str) -> NoReturn:
    beside: list[str] = []
    with suppress(OSError):
        beside = os.listdir(path.parent)[:1000]  # comparing names takes its time
    nearest = "." if got else _nearest(path.name, beside)
    refuse(where, wanted, got or "nothing there", f"Check the path{nearest}")


def path(path: str | os.PathLike[str], where: str, what: str) -> Path:
    """Check that a value can be the path of something, whether it is there or not.

    Parameters
    ----------
    path : str or pathlib.Path
        The path.
    where, what : str
        The function that checks, and what the path leads to, for the message.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    FeatlibError
        If it is no path, or no name that a file can have.
    """
    return _path(path, where, what)


def output_folder(path: str | os.PathLike[str], where: str, what: str) -> Path:
    """Check, before the work, that files can be written to a folder. It need not be there yet.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    where, what : str
        The function that checks, and what is to be written, for the message.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    FeatlibError
        If it is no path, a file is there or on the way to it, or the right to write is missing.
    """
    folder = _path(path, where, what)
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    wanted, fix = f"a folder for {what} at '{folder}'", "Choose another folder."
    if not there.is_dir():
        refuse(where, wanted, "a file there" if there == folder else f"the file '{there}'", fix)
    if not os.access(there, os.W_OK | os.X_OK):
        refuse(where, wanted, f"no right to write in '{there}'", fix)
    return folder


def output_file(path: str | os.PathLike[str], where: str, what: str) -> Path:
    """Check, before the work, that a file can be written. Its folder need not be there yet.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    where, what : str
        The function that checks, and what the file will hold, for the message.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    FeatlibError
        If it is no path, anything but a file is there, or no file can be written to its folder.
    """
    file = _path(path, where, what)
    if file.exists() and (kind := special(file.stat().st_mode)):
        inside = f"Name a file in it, such as '{file / 'page.html'}'."
        fix = inside if file.is_dir() else "Choose another file."
        refuse(where, f"a file for {what} at '{file}'", f"{kind} there", fix)
    output_folder(file.parent, where, what)
    return file


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
    return convert.all_finite(values)


def _settle(found: "convert.Conversion", value: object, where: str, wanted: str) -> None:
    """Refuse a value that has to be converted, with the way to do it."""
    if found.advice:
        refuse(where, wanted, found.got or describe(value), found.advice)


def write_files(files: dict[Path, bytes], where: str, fix: str, what: str = "") -> Path:
    """Write files that belong together, all of them or, if the disk is full, none.

    Parameters
    ----------
    files : dict of pathlib.Path to bytes
        What each will hold; the one that leads to the others comes last. Folders are made if there
        are none.
    where, fix : str
        For the message if one cannot be written: the function that asks, and what the reader can
        do.
    what : str
        How the message calls them; left out, by the path of the last one.

    Returns
    -------
    pathlib.Path
        The last one.

    Raises
    ------
    FeatlibError
        If one cannot be written; each that was there before is whole.
    """
    *_, last = files
    try:
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_all(files)
    except (OSError, ValueError) as error:  # a name that this disk cannot hold is a ValueError
        refuse(where, f"to write {what or repr(str(last))}", reason(error), fix)
    return last
