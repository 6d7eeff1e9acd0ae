"""What the live lab of a web page trains on: the bundled pictures, as features and as small pixels.

Each input is a block of whole numbers: how many steps an element is away from 0. The steps are as
fine as they must be: with coarser ones, training at a learning rate of 0.1 ends elsewhere.
"""

from functools import cache
from typing import Any

import torch

from featlib import checks
from featlib.engine.words import describe
from featlib.widgets.lab import DIVERGED, LabWidget, show_lab

__all__ = ["BLOCKS", "lab_block", "lab_data"]

BLOCKS = {"pretrained": "lab-pretrained", "untrained": "lab-untrained", "raw pixels": "lab-pixels"}
"""The block of each input."""

_STEPS = 65_536  # of features, in the std of all
_GRAYS = 1020  # steps of pixels, from 0.0 to 1.0: each is the mean of four that were 0 to 255
_NO_CHANGE = 128  # from a pixel to the next: so the high bytes of most changes are 0


def lab_block(name: str) -> bytes:
    """Return the block of an input.

    Parameters
    ----------
    name : {"pretrained", "untrained", "raw pixels"}
        Of the input.

    Returns
    -------
    bytes
        N×D whole numbers, row after row: first the lowest bytes of all, then the next bytes. For
        pixels they are the changes from one to the next.

    Raises
    ------
    featlib.FeatlibError
        If there is no such input.
    """
    checks.one_of(name, "web.lab_block", "name", BLOCKS)
    numbers = (_bundled()[name].double() / _step(name)).round().long()
    shifts = range(0, int(numbers.max()).bit_length(), 8)
    if _is_pixels(name):
        numbers = numbers.diff(dim=1, prepend=torch.zeros_like(numbers[:, :1])) + _NO_CHANGE
    return b"".join((numbers >> by & 255).to(torch.uint8).numpy().tobytes() for by in shifts)


def lab_data(widget: LabWidget) -> dict[str, Any]:
    """Return what a web page needs to know of a lab, beside its view and its blocks.

    Parameters
    ----------
    widget : featlib.widgets.LabWidget
        What `show_lab` returned.

    Returns
    -------
    dict

    Raises
    ------
    featlib.FeatlibError
        If it is a lab of other pictures: only the bundled ones are blocks.
    """
    for name, rows in widget.inputs.items():
        bundled = _bundled().get(name)
        if bundled is None or rows.shape != bundled.shape or not rows.allclose(bundled, atol=1e-3):
            got = f"one with '{name}' of its own, {describe(rows)}"
            fix = "Pass web.data(featlib.show_lab())."
            checks.refuse("web.data", "a lab of the bundled pictures", got, fix)
    images = widget.images
    return {
        "labels": images.labels.tolist(),
        "classes": len(images.classes),
        "train": images.train.tolist(),
        "validation": images.validation.tolist(),
        "diverged": DIVERGED,
        "inputs": {
            name: {
                "block": BLOCKS[name],
                "width": rows.shape[1],
                "step": _step(name),
                "no_change": _NO_CHANGE if _is_pixels(name) else None,
            }
            for name, rows in widget.inputs.items()
        },
    }


@cache
def _bundled() -> dict[str, torch.Tensor]:
    widget = show_lab()
    widget.close()
    return dict(widget.inputs)


def _step(name: str) -> float:
    return 1 / _GRAYS if _is_pixels(name) else float(_bundled()[name].std()) / _STEPS


def _is_pixels(name: str) -> bool:
    return name == "raw pixels"
