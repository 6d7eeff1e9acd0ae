"""The folder of a kept model: ``head.safetensors``, ``card.json``, and ``README.md`` for people.

It is read without unpickling anything. Each file is opened once: what is hashed and what is used
are the same bytes.
"""

import hashlib
import os
from contextlib import suppress
from datetime import date
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import nn

from featlib import __version__, backbone, checks
from featlib.engine.files import read_regular
from featlib.engine.words import reason, shape_text
from featlib.head import Recipe
from featlib.images import ImageSet
from featlib.model.card import (
    FORMAT,
    LARGEST_CARD,
    OWN,
    PUBLISHED,
    Card,
    read_card,
    write_card,
)
from featlib.model.readme import write_readme
from featlib.validation import Report
from featlib.weights import Weights

__all__ = ["CARD", "HEAD", "README", "WIDTH", "output_folder", "read_model", "write_model"]

HEAD, CARD, README = "head.safetensors", "card.json", "README.md"
WIDTH = 512  # features of a ResNet18
_LARGEST_HEADER = 4096  # bytes of a safetensors file beside the numbers of its two tensors
_SIZES = (8, 4096)  # pixels a side at which a file can be read
_AGAIN = "Copy the whole folder again, or save the lesson anew."


def output_folder(path: str | os.PathLike[str], where: str) -> Path:
    """Check, before the work, that a model can be written to a folder.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder. It need not be there yet.
    where : str
        The function that checks; the message begins with it.

    Returns
    -------
    pathlib.Path
        The same path, with ``~`` replaced by the home folder.

    Raises
    ------
    featlib.FeatlibError
        If nothing can be written there, or other files than those of a model are there.
    """
    folder = checks.output_folder(path, where, "the model")
    there = [name for name in (CARD, HEAD, README) if os.path.lexists(folder / name)]
    if there and not _is_ours(folder / CARD):
        wanted = f"a folder for the model at '{folder}', without files that it would replace"
        fix = f"Choose another folder, such as '{folder / 'my_model'}'."
        checks.refuse(where, wanted, f"a {there[0]} that is not of a model of featlib's", fix)
    return folder


def _is_ours(card: Path) -> bool:
    """Say whether a card is one of ours, be it damaged."""
    try:
        return FORMAT.encode() in read_regular(card, LARGEST_CARD)
    except (OSError, ValueError):
        return False


def write_model(
    path: str | os.PathLike[str],
    where: str,
    *,
    head: nn.Linear,
    weights: Weights,
    images: ImageSet,
    recipe: Recipe,
    report: Report,
) -> Path:
    """Write a model: all files are on the disk before the first gets its name, the card last.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder, made if there is none; an earlier model in it is replaced.
    where : str
        The function that asks; messages begin with it.
    head : torch.nn.Linear
        512 features to C logits, float32.
    weights : featlib.weights.Weights
        Those of the backbone.
    images : featlib.images.ImageSet
        What it was trained on; counts and sizes are kept of it, but no picture and no name.
    recipe : featlib.head.Recipe
        How it was trained.
    report : featlib.validation.Report
        How good it is.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    featlib.FeatlibError
        If it is no folder for a model, it cannot be written, or the head does not fit. An earlier
        model is then as it was.
    """
    folder = output_folder(path, where)
    fix = "Save lesson.head as head.train returned it."
    checks.instance(head, nn.Linear, where, "a head, a torch.nn.Linear", fix)
    tensors = head.state_dict()
    _check_tensors(tensors, len(images.classes), where, fix)
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    height, width = images.pixels.shape[-2:]
    low, high = _SIZES
    card = Card(
        classes=images.classes,
        training_pictures=tuple(
            images.labels[images.train].bincount(minlength=len(images.classes)).tolist()
        ),
        validation_pictures=len(report.labels),
        accuracy=report.accuracy,
        interval=report.interval,
        backbone=weights.name if weights.name in PUBLISHED else OWN,
        backbone_sha256=backbone.fingerprint(weights.state()),
        picture_size=min(max(width, low), high),
        transform=weights.transform.at(height, width),
        precision="fp32",
        recipe=recipe,
        head_sha256=hashlib.sha256(content).hexdigest(),
        date=date.today().isoformat(),
        featlib=__version__,
    )
    files = {HEAD: content, README: write_readme(card).encode(), CARD: write_card(card, where)}
    is_new = not folder.exists()
    try:
        fix, what = "Check the free space, or choose another folder.", f"the model to '{folder}'"
        checks.write_files({folder / name: new for name, new in files.items()}, where, fix, what)
    except checks.FeatlibError:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise
    return folder


def _check_tensors(tensors: dict[str, torch.Tensor], n: int, where: str, fix: str) -> None:
    """Refuse what is not the weight and the bias of a head of n classes."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if shapes != {"weight": (n, WIDTH), "bias": (n,)}:
        wanted = f"a head of {n} classes: weight {n}×{WIDTH} and bias {n}"
        got = ", ".join(f"{name} {shape_text(shape)}" for name, shape in [*shapes.items()][:4])
        checks.refuse(where, wanted, got or "no tensors", fix)
    checks.features(tensors["weight"], f"{where}, weight")
    checks.features(tensors["bias"][None], f"{where}, bias")


def read_model(path: str | os.PathLike[str], where: str) -> tuple[Card, nn.Linear]:
    """Read the card and the head of a model.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    card : featlib.model.card.Card
        What the model says of itself.
    head : torch.nn.Linear
        512 features to C logits, in evaluation mode, without gradients.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or a file in it is missing, altered, cut off, of a newer
        featlib, or does not fit the other.
    """
    folder = checks.folder(checks.path(path, where, "a model"), where, "a model")
    card = read_card(_read(folder / CARD, LARGEST_CARD, where), f"'{folder / CARD}'")
    n = len(card.classes)
    content = _read(folder / HEAD, 4 * n * (WIDTH + 1) + _LARGEST_HEADER, where)
    found = hashlib.sha256(content).hexdigest()
    if found != card.head_sha256:
        wanted = f"'{folder / HEAD}' with SHA-256 {card.head_sha256[:12]}…, as its card says"
        checks.refuse(where, wanted, f"one with {found[:12]}… ({len(content):,} bytes)", _AGAIN)
    try:
        tensors = load(content)
    except Exception as error:  # SafetensorError, and what PyTorch raises for odd shapes and dtypes
        wanted = f"a head in '{folder / HEAD}'"
        checks.refuse(where, wanted, f"a damaged file ({reason(error)})", _AGAIN)
    _check_tensors(tensors, n, f"'{folder / HEAD}'", _AGAIN)
    head = nn.Linear(WIDTH, n, device="meta")
    head.load_state_dict(tensors, assign=True)
    return card, head.eval().requires_grad_(False)


def _read(file: Path, most: int, where: str) -> bytes:
    if not os.path.lexists(file):
        wanted = f"a model, a folder with {CARD} and {HEAD}, at '{file.parent}'"
        fix = "Pass a folder that lesson.save or `featlib run --save` has written."
        checks.refuse(where, wanted, f"no {file.name} there", fix)
    try:
        return read_regular(file, most)
    except (OSError, ValueError, MemoryError) as error:
        checks.refuse(where, f"to read '{file}'", f"one that is {reason(error)}", _AGAIN)
