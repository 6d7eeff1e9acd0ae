"""One picture in any of its usual forms: a file, a picture of Pillow, an array, a tensor."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from PIL import Image

from featlib import checks, images
from featlib.engine import convert
from featlib.engine.words import describe

__all__ = ["Picture", "read"]

Picture: TypeAlias = str | Path | Image.Image | np.ndarray | torch.Tensor


def read(picture: Picture, size: int, where: str) -> torch.Tensor:
    """Return the pixels of a picture in any form.

    Parameters
    ----------
    picture : str, pathlib.Path, PIL.Image.Image, numpy.ndarray or torch.Tensor
        The path of a file, or a picture of Pillow: it is cropped in the middle and scaled, as
        `images.from_folder` does. Or pixels 3×H×W, H×W×3 or H×W, whole numbers 0–255 or floats
        0–1: these keep their size.
    size : int
        Height and width to which a file, or a picture of Pillow, is brought; in pixels.
    where : str
        The function that asks; the message begins with it.

    Returns
    -------
    torch.Tensor
        uint8 3×H×W.

    Raises
    ------
    featlib.FeatlibError
        If it cannot be read, or it is no picture; the message names the conversion that would help.
    """
    wanted = "one picture: a path, a picture of Pillow, or pixels 3×H×W or H×W×3"
    if isinstance(picture, (str, Path)):
        return images.read_picture(picture, size)
    if isinstance(picture, Image.Image):
        pixels = convert.of_pillow(picture, size)
        if isinstance(pixels, str):
            checks.refuse(where, wanted, f"{describe(picture)}: {pixels}", "Try another picture.")
        return pixels
    if not isinstance(picture, (np.ndarray, torch.Tensor)):
        checks.refuse(where, wanted, describe(picture), _how_to_pass(picture))
    found = convert.to_one_picture(picture)
    if not found.plain:
        checks.refuse(where, wanted, found.got or describe(picture), found.advice)
    return found.value[0].contiguous()


def _how_to_pass(value: object) -> str:
    if not isinstance(value, (list, tuple)) or not value:
        return "Pass the path of a picture, for example."
    if isinstance(value[0], (list, tuple, int, float)):
        return "Make an array of it: np.array(image)."
    return "Pass them one by one, in a loop."
