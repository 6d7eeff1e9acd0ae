"""How values, errors and names are written in messages and tables."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def describe(value: object) -> str:
    """Say in a few words what a value is: ``uint8 tensor 10×3×64×64``, ``str 'abc'``.

    Parameters
    ----------
    value : object
        Anything; tensors and arrays are described by dtype and shape.

    Returns
    -------
    str
    """
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        kind = "tensor" if type(value).__module__.startswith("torch") else "array"
        return f"{dtype_name(value)} {kind} {shape_text(shape)}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


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
    return str(value.dtype).removeprefix("torch.")


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
