"""The progress bar of everything that may take longer than two seconds."""

import os
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

DELAY = 2  # seconds before a bar is shown; quick work needs none


def progress_bar(
    words: str,
    total: int,
    unit: str,
    progress: bool = True,
    steps: Iterable[Any] | None = None,
    done: int = 0,
) -> "tqdm[Any]":
    """Return a progress bar that is not shown for the first two seconds.

    Parameters
    ----------
    words : str
        What is being done, such as ``"features"``.
    total : int
        Steps in all.
    unit : str
        What a step is, such as ``"image"``.
    progress : bool
        Whether to show it. Where the variable ``TQDM_DISABLE`` is 1, it is never shown.
    steps : iterable, optional
        What to go through. Without it, call ``update``.
    done : int
        Steps that were done before; they count for the length, not for the rate.

    Returns
    -------
    tqdm.tqdm
        To go through, or to call ``update`` on; a context manager.
    """
    # In a notebook tqdm does not look at its own variable.
    off = not progress or os.environ.get("TQDM_DISABLE") == "1"
    return tqdm(steps, words, total, unit=unit, initial=done, delay=DELAY, disable=off)
