"""How values, errors and names are written in messages, tables and the log."""

import logging
import os
import re
import reprlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

# What a terminal obeys, what ends a line, what turns the direction of writing, and half characters.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
    r"\ud800-\udfff]"
)
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 1000  # `describe` cuts by itself


def describe(value: object) -> str:
    """Say in a few words what a value is: ``uint8 tensor 10×3×64×64``, ``str 'abc'``.

    Parameters
    ----------
    value : object
        Anything; tensors and arrays are described by dtype and shape, pictures by mode and size.

    Returns
    -------
    str
        At most about 60 characters, even of a value whose own repr fails.
    """
    kind = type(value).__name__
    try:
        shape = getattr(value, "shape", None)
        if shape is not None and hasattr(value, "dtype"):
            kind = "tensor" if is_tensor(value) else "array"
            return f"{dtype_name(value)} {kind} {shape_text(shape)}{_place(value)}"
        if is_pillow_image(value):
            return f"{value.mode} picture {shape_text(value.size)}"
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # whatever an object of somebody else's raises when it is looked at
        return f"{kind} that cannot be shown"
    return f"{kind} {text if len(text) <= 60 else text[:57] + '...'}"


def _place(tensor: Any) -> str:
    """Say where a tensor is and how it is kept, if not on the CPU and value by value."""
    device, layout = getattr(tensor, "device", "cpu"), getattr(tensor, "layout", "torch.strided")
    where = "" if str(device) == "cpu" else f" on '{device}'"
    return where + ("" if str(layout) == "torch.strided" else f", {str(layout)[6:]}")


def is_tensor(value: object) -> TypeGuard[Any]:
    """Say whether a value is a `torch.Tensor`, without importing torch.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        True for subclasses, too.
    """
    return _is_a(value, "torch", "Tensor")


def is_array(value: object) -> TypeGuard[Any]:
    """Say whether a value is a `numpy.ndarray`, without importing NumPy.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        True for subclasses, too.
    """
    return _is_a(value, "numpy", "ndarray")


def is_pillow_image(value: object) -> TypeGuard[Any]:
    """Say whether a value is a `PIL.Image.Image`, without importing Pillow.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        True for subclasses, too: one for each format.
    """
    return _is_a(value, "PIL.Image", "Image")


def _is_a(value: object, module: str, name: str) -> bool:
    return any(kind.__module__ == module and kind.__name__ == name for kind in type(value).__mro__)


def dtype_name(value: Any) -> str:
    """Return the dtype of a tensor or array as torch and NumPy both spell it: ``float32``.

    Parameters
    ----------
    value : torch.Tensor or numpy.ndarray
        Anything that has a ``dtype``.

    Returns
    -------
    str
    """
    return getattr(value.dtype, "name", str(value.dtype)).removeprefix("torch.")


def shape_text(shape: Iterable[int]) -> str:
    """Write a shape as the lesson does: ``1000×3×64×64``.

    Parameters
    ----------
    shape : iterable of int
        The length of each axis.

    Returns
    -------
    str
        ``scalar`` for no axes.
    """
    return "×".join(str(int(n)) for n in shape) or "scalar"


def reason(error: BaseException) -> str:
    """Return the first line of an error's message; its type, if it has no message.

    Parameters
    ----------
    error : BaseException
        Any error.

    Returns
    -------
    str
        At most 200 characters.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def readable(name: str | Path) -> str:
    r"""Return a file's name, or words with one in them, as text that any file and page can hold.

    Names on a disk may hold bytes that are no text in UTF-8, such as those of an old archive.
    Python keeps these as half characters, which nothing can write.

    Parameters
    ----------
    name : str or pathlib.Path
        A name, a path, or words.

    Returns
    -------
    str
        The same, with ``\udcff`` written out in place of the byte 255.
    """
    return os.fspath(name).encode(errors="backslashreplace").decode()


def printable(text: str, lines: bool = False) -> str:
    r"""Return text that is safe to print: a name of a file may hold what a terminal obeys.

    Parameters
    ----------
    text : str
        Anything.
    lines : bool
        Whether line breaks stay; if not, the result is one line.

    Returns
    -------
    str
        The same, with ``\x1b`` written out in place of the character Escape, ``\n`` in place of a
        line break, and so on.
    """
    if lines:
        return "\n".join(map(printable, text.split("\n")))
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


class _PrintableLines(logging.Filter):
    """Make what is logged safe to print, whoever writes the line and wherever it goes."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), ()
        return True


_LOG = logging.getLogger("featlib")
_LOG.addFilter(_PrintableLines())


def p_text(p: float) -> str:
    """Write a p-value.

    Parameters
    ----------
    p : float
        0–1.

    Returns
    -------
    str
        ``= 0.031``, or ``< 0.001``: to be written after "p".
    """
    return f"= {p:.3f}" if p >= 0.001 else "< 0.001"


@cache
def say_once(text: str) -> None:
    """Log a warning, unless it was logged before.

    Parameters
    ----------
    text : str
        The warning, with the module that it is from: ``"cache: …"``.
    """
    _LOG.warning("%s", text)
