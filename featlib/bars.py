"""The progress bar of everything that may take longer than two seconds."""

from tqdm.auto import tqdm


def bar(words, total, unit, progress=True, steps=None):
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

    Returns
    -------
    tqdm.tqdm
    """
    # An argument would win over the variable, so it is given only to switch the bar off.
    off = {} if progress else {"disable": True}
    return tqdm(steps, words, total, unit=unit, delay=2, **off)
