"""The one picture of the learner's own that travels through the lesson, kept until removed."""

import os
from pathlib import Path

from PIL import Image

from featlib.engine import paths
from featlib.engine.decode import decode_one, shorter_sides, strictly
from featlib.engine.files import atomic_write

LARGEST = 512  # pixels a side


def file() -> Path:
    """Return where the picture is kept: ``my-picture.png`` in the data folder.

    Returns
    -------
    pathlib.Path
        The file need not be there.
    """
    return paths.data_dir() / "my-picture.png"


def is_kept() -> bool:
    """Say whether anything is kept; it may be damaged.

    Returns
    -------
    bool
    """
    return os.path.exists(file())


def keep(content: bytes) -> str:
    """Keep the middle square of a picture, as a PNG without what a camera writes into its files.

    Parameters
    ----------
    content : bytes
        A file of any kind.

    Returns
    -------
    str
        Why it is no picture, and nothing was changed; empty if it is kept, in place of any before.

    Raises
    ------
    OSError
        If it cannot be written; what was kept before is still there.
    """
    with strictly():
        pixels = decode_one(content, min([LARGEST, *shorter_sides([content])]))
    if isinstance(pixels, str):
        return pixels
    file().parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file()) as opened:
        Image.fromarray(pixels).save(opened, "PNG")
    return ""


def remove() -> None:
    """Remove the picture; none need be there.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    file().unlink(missing_ok=True)
