"""Pictures as the points of a map: what lies near what can be seen, not only read off a legend."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from featlib import checks
from featlib.plots import inputs
from featlib.plots.style import SERIES, STYLE, Figure, add_alt, new_axes

__all__ = ["picture_map"]

_CANVAS = 1000  # dots a side
_PICTURE, _FRAME = 34, 3  # dots a side of each picture, and of the frame around it


@rc_context(STYLE)
def picture_map(
    points: torch.Tensor | np.ndarray,
    pixels: torch.Tensor,
    labels: torch.Tensor,
    classes: Sequence[str],
    *,
    title: str,
    ax: Axes | None = None,
) -> Figure:
    """Draw each picture where its point lies, in a frame with the color of its class.

    Parameters
    ----------
    points : torch.Tensor or numpy.ndarray
        Any float dtype, N×2: first and second coordinate.
    pixels : torch.Tensor
        uint8 N×3×H×W, values 0–255: the picture of each point.
    labels : torch.Tensor
        int64 N: the class number of each point.
    classes : sequence of str
        The name of each class number, at most ten.
    title : str
        What the points are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; in a new figure if left out.

    Returns
    -------
    Figure

    Raises
    ------
    featlib.FeatlibError
        If the parts do not fit together, or there are more classes than colors.
    """
    where = "plots.picture_map"
    (title,) = inputs.words(where, title=title)
    names = inputs.names(classes, where, "classes")
    if len(names) > len(SERIES):
        fix = "Choose some of the classes, or draw plots.scatter."
        checks.refuse(where, f"at most {len(SERIES)} classes", f"{len(names)}", fix)
    places = inputs.numbers(points, where, "points", ("N", 2))
    checks.pixels(pixels, where)
    if len(pixels) != len(places):
        got, fix = f"{len(pixels)} pictures", "Choose the same rows of both."
        checks.refuse(where, f"a picture for each of {len(places)} points", got, fix)
    numbers = inputs.class_numbers(labels, where, len(places), len(names))
    figure, ax = new_axes(ax, (7.6, 6.4))
    ax.imshow(_canvas(places, pixels, numbers), extent=(0, 1, 0, 1), interpolation="antialiased")
    ax.set(title=title, xlabel="first coordinate", ylabel="second coordinate")
    ax.set(xticks=(), yticks=())
    handles = [Patch(color=SERIES[k], label=names[k]) for k in sorted(set(numbers.tolist()))]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    words = f"{title}: {len(places)} pictures of {len(handles)} classes on two axes."
    return add_alt(figure, words)


def _canvas(places: np.ndarray, pixels: torch.Tensor, numbers: np.ndarray) -> np.ndarray:
    """Paste the pictures in their order: what comes later lies above."""
    low, span = places.min(0), np.ptp(places, axis=0)
    at = (places - low) / np.where(span > 0, span, 1) * (_CANVAS - _PICTURE)
    canvas = np.zeros((_CANVAS, _CANVAS, 4), np.uint8)  # transparent where no picture lies
    side = _PICTURE - 2 * _FRAME
    small = torch.nn.functional.interpolate(
        pixels.float(), (side, side), mode="bilinear", antialias=True
    )
    small = small.round().byte().permute(0, 2, 3, 1).numpy()
    colors = [(*bytes.fromhex(color[1:]), 255) for color in SERIES]
    for (x, y), picture, k in zip(at.astype(int), small, numbers, strict=True):
        top = _CANVAS - _PICTURE - y  # the second coordinate grows upwards
        canvas[top : top + _PICTURE, x : x + _PICTURE] = colors[k]
        canvas[top + _FRAME :, x + _FRAME :][:side, :side, :3] = picture
    return canvas
