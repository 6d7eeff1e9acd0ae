"""The progress bar of everything that may take longer than two seconds."""

import os

from tqdm.auto import tqdm

DELAY = 2  # seconds without a bar: what is quick needs none


def progress_bar(words, total, unit, progress=True, steps=None, done=0):
    """Return a progress bar that stays away for the first two seconds.

    Parameters
    ----------
    words : str
        What goes on, such as ``"features"``.
    total : int
        Steps in all.
    unit : str
        What a step is, such as ``"image"``.
    progress : bool
        Whether to show it. Where the variable ``TQDM_DISABLE`` is 1, it is never shown.
    steps : iterable, optional
        What to go through; left out, call ``update``.
    done : int
        Steps that were done before; they count for the length, not for the rate.

    Returns
    -------
    tqdm.tqdm
    """
    # In a notebook tqdm does not look at its own variable.
    off = not progress or os.environ.get("TQDM_DISABLE") == "1"
    return tqdm(steps, words, total, unit=unit, initial=done, delay=DELAY, disable=off)
