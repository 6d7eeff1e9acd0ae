"""The checkers of the challenges: each tries a learner's function and says what is still wrong.

A checker looks at what a function does, never at how it is written. It says what it found and what
it wanted, not how to get there. It never stops with an error, whatever it is given.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from featlib import backbone, images, lesson, preprocess
from featlib.engine.words import describe, shape_text
from featlib.exercises.verdict import Failure, Verdict, attempt

__all__ = [
    "check_backbone",
    "check_features",
    "check_keep",
    "check_loss",
    "check_prepare",
    "check_split",
]

Checker = Callable[[Callable[..., Any]], Verdict]


def _checker(check: Checker) -> Checker:
    """Let a check answer with a verdict, whatever failure or error it raises."""

    @wraps(check)
    def checked(function: Callable[..., Any]) -> Verdict:
        try:
            return check(function)
        except Failure as failure:
            return Verdict(False, str(failure))
        except Exception as error:  # such as a result whose own repr fails
            return Verdict(
                False,
                "What your function gives back could not be examined: it stopped the checker with "
                f"{type(error).__name__}.",
            )

    return checked


@_checker
def check_prepare(prepare: Callable[..., Any]) -> Verdict:
    """Check that images come out as the backbone expects them.

    Parameters
    ----------
    prepare : callable
        Takes pixels (uint8 N×3×64×64), mean and std (float32 3×1×1 each), returns float32
        N×3×64×64.

    Returns
    -------
    Verdict
    """
    pixels = images.load().pixels[:10]
    for transform, name in (
        (backbone.resnet18().transform, "With the backbone's mean and std"),
        (preprocess.Transform((0.5, 0.4, 0.3), (0.1, 0.2, 0.3), 64), "With another mean and std"),
    ):
        mean, std = (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))
        given = pixels.clone()
        made = _tensor(attempt(prepare, given, mean, std), pixels.shape, "prepared images")
        due = preprocess.prepare(pixels, transform)
        if not torch.equal(given, pixels):
            raise Failure("The pixels that your function was given are others now; leave them be.")
        if not torch.allclose(made, due, atol=1e-3):
            found, wanted = _range_in_words(made), _range_in_words(due)
            if found == wanted:
                raise Failure(f"{name}, the range is right, but not each value is in its place.")
            raise Failure(f"{name}, your images have {found}; they were to have {wanted}.")
    words = "Each value is as the backbone expects it, whatever mean and std it comes with."
    return Verdict(True, words)


@_checker
def check_backbone(make_backbone: Callable[..., Any]) -> Verdict:
    """Check that a network gives features.

    Parameters
    ----------
    make_backbone : callable
        Takes nothing, returns a `torch.nn.Module` that turns float32 N×3×64×64 into float32
        N×512. Its mode does not matter here.

    Returns
    -------
    Verdict
    """
    network = attempt(make_backbone)
    if not isinstance(network, nn.Module):
        raise Failure(f"Your function gave {describe(network)}; it was to give a network.")
    batch, due = _batch_and_features(6)
    network.eval()
    with torch.no_grad():
        made = _tensor(attempt(network, batch), due.shape, "512 features a picture")
    if (difference := _difference(made, due)) > 0.001:
        raise Failure(
            "The shape is right, but the numbers are not those that the pretrained layers give: "
            f"they differ by {difference:.0%}. They were to be the same."
        )
    words = "512 features a picture, and the very ones of the pretrained network."
    return Verdict(True, words)


@_checker
def check_features(extract_features: Callable[..., Any]) -> Verdict:
    """Check that features depend on their picture alone, and that extracting changes nothing.

    Parameters
    ----------
    extract_features : callable
        Takes a ResNet18 without its final layer, in training mode, and a batch (float32
        N×3×64×64), returns float32 N×512.

    Returns
    -------
    Verdict
    """
    batch, due = _batch_and_features(9)
    network = backbone.resnet18().network.requires_grad_(True).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    made = []
    for rows in ([0, 1, 2, 3, 4], [0, 5, 6, 7, 8]):
        value = attempt(extract_features, network, batch[rows])
        made.append(_tensor(value, (5, due.shape[1]), "512 features a picture"))
    found = []
    if (difference := _difference(made[0][:1], made[1][:1])) > 0.001:
        found.append(
            f"The features of one and the same picture differ by {difference:.0%} when other "
            "pictures are beside it in the batch; they were to be the same."
        )
    after = network.state_dict()
    changed = sum(not torch.equal(before[name], after[name]) for name in before)
    if changed:
        found.append(
            f"Your function changed {changed} of the {len(before)} tensors that the network "
            "holds; none was to change."
        )
    if not found and (difference := _difference(made[0], due[:5])) > 0.001:
        found.append(
            f"The features differ by {difference:.0%} from those of the frozen network; they were "
            "to be the same."
        )
    if made[0].requires_grad:
        found.append("The features carry gradients; they were to be plain numbers.")
    if found:
        raise Failure(" ".join(found))
    words = "The same features whatever is beside a picture, and not a number of the network moved."
    return Verdict(True, words)


@_checker
def check_split(split: Callable[..., Any]) -> Verdict:
    """Check that a split is complete, of the right size, random, and without leaks.

    Parameters
    ----------
    split : callable
        Takes a list of N group numbers, equal for pictures of one emoji, and a seed; returns the
        row numbers for training and those for validation.

    Returns
    -------
    Verdict
    """
    pictures = images.load()
    n = len(pictures)
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1))
    groups = pictures.groups[order].tolist()
    train, validation = _sides(attempt(split, list(groups), 0), n)
    if not 0.15 <= len(validation) / n <= 0.25:
        raise Failure(
            f"{len(validation)} of {n} pictures are for validation; it was to be about one in five."
        )
    leaked = {groups[i] for i in train} & {groups[i] for i in validation}
    if leaked:
        shown = min(pictures.captions[order[i]] for i in validation if groups[i] in leaked)
        raise Failure(
            f"{len(leaked)} emoji have a drawing on each side, such as '{shown}'; none was to have "
            "one."
        )
    again, other = (_sides(attempt(split, list(groups), k), n) for k in (0, 1))
    if sorted(again[1]) != sorted(validation):
        raise Failure("The same seed gave another split the second time; it was to be the same.")
    if sorted(other[1]) == sorted(validation):
        raise Failure("Two seeds gave the same split; each was to give another.")
    words = f"{len(train)} for training, {len(validation)} for validation, and no emoji on both."
    return Verdict(True, words)


@_checker
def check_loss(loss_of: Callable[..., Any]) -> Verdict:
    """Check a loss by answers whose loss is known.

    Parameters
    ----------
    loss_of : callable
        Takes logits (float32 N×10) and labels (int64 N), returns the mean cross-entropy as a
        scalar tensor that gradients flow from.

    Returns
    -------
    Verdict
    """
    labels = torch.arange(10)
    seeded = torch.Generator().manual_seed(0)
    answers = {
        "A head that is right and perfectly sure": one_hot(labels) * 100.0,
        "A head that prefers no class": torch.zeros(10, 10),
        "A head that answers at random": torch.randn(10, 10, generator=seeded) * 3,
    }
    found = []
    for name, logits in answers.items():
        due = cross_entropy(logits, labels)
        with torch.enable_grad():
            logits.requires_grad_()
            loss = _tensor(attempt(loss_of, logits, labels.clone()), (), "a loss")
        if not torch.isclose(loss, due, atol=1e-3):
            found.append(f"{name} has the loss {loss:.2f}; it was to be {due:.2f}.")
    if not found and not loss.requires_grad:
        found.append("No gradient flows from the loss to the logits; training needs one.")
    if found:
        raise Failure(" ".join(found))
    words = "Near 0 for a head that is sure and right, and right for the others."
    return Verdict(True, words)


@_checker
def check_keep(keep: Callable[..., Any]) -> Verdict:
    """Check that a model can be kept in a folder, and used again from there.

    Parameters
    ----------
    keep : callable
        Takes a `featlib.lesson.Lesson` and a folder (`pathlib.Path`), writes into the folder what a
        later session needs, and returns what that session makes of it: an object whose ``predict``
        takes a picture, uint8 3×64×64, and returns the name of a class.

    Returns
    -------
    Verdict
    """
    emoji = images.load()
    few = images.from_arrays(emoji.pixels[:40], emoji.labels[:40], emoji.classes)
    trained = lesson.run(few, baselines=False, progress=False)
    unseen = emoji.pixels[-10:]
    due = [trained.predict(picture).label for picture in unseen]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = attempt(keep, trained, folder)
        if not any(folder.iterdir()):
            raise Failure("Your function left the folder empty; a later session has nothing else.")
        with torch.no_grad():
            trained.head.weight.zero_()  # a later session does not have this one in memory
        if not callable(getattr(kept, "predict", None)):
            wanted = "it was to give what has a `predict` that takes a picture and names its class"
            raise Failure(f"Your function gave {describe(kept)}; {wanted}.")
        said = [attempt(kept.predict, picture) for picture in unseen]
    other = [(a, b) for a, b in zip(said, due, strict=True) if not isinstance(a, str) or a != b]
    if other:
        found, wanted = other[0]
        raise Failure(
            f"{len(other)} of 10 pictures get another answer from what was kept: {describe(found)} "
            f"where the lesson says '{wanted}'."
        )
    return Verdict(True, "From the folder alone, every picture gets the answer of the lesson.")


def _tensor(value: Any, shape: Sequence[int], what: str) -> torch.Tensor:
    """Return the value if it is a finite float32 tensor of this shape."""
    size = shape_text(shape) if len(shape) else "of a single number"
    due = f"it was to give {what}: a float32 tensor {size}"
    if getattr(value, "dtype", None) != torch.float32 or value.shape != torch.Size(shape):
        raise Failure(f"Your function gave {describe(value)}; {due}.")
    if not value.isfinite().all():
        raise Failure(f"Your function gave NaN or infinite values; {due}, all finite.")
    return value


def _sides(value: Any, n: int) -> list[list[int]]:
    """Return the two sides of a split as lists of row numbers, or say what is wrong with them."""
    due = "it was to give two lists of row numbers, for training and for validation"
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Failure(f"Your function gave {describe(value)}; {due}.")
    sides = []
    for side in value:
        rows = np.asarray(list(side) if isinstance(side, (range, set)) else side)
        if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
            raise Failure(f"One of the sides is {describe(side)}; {due}.")
        sides.append(rows.tolist())
    rows = sides[0] + sides[1]
    if len(set(rows)) < len(rows):
        twice = len(rows) - len(set(rows))
        raise Failure(f"Row numbers that are there twice: {twice}; there were to be none.")
    if set(rows) != set(range(n)):
        raise Failure(
            f"{len(set(range(n)) & set(rows))} of the {n} pictures are on one of the sides; all "
            "were to be, and no other row number."
        )
    return sides


def _batch_and_features(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    batch, features = _reference()
    return batch[:n].clone(), features[:n].clone()  # what a learner's code changes is its own


@cache
def _reference() -> tuple[torch.Tensor, torch.Tensor]:
    """Return ten prepared images and their features, computed once in a session."""
    resnet = backbone.resnet18()
    batch = preprocess.prepare(images.load().pixels[:10], resnet.transform)
    return batch, resnet(batch)


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return how far two sets of features are apart, as a share of their size."""
    return float((one.detach() - other.detach()).norm() / other.detach().norm().clamp_min(1e-9))


def _range_in_words(values: torch.Tensor) -> str:
    return f"minimum {values.min():.1f}, mean {values.mean():.1f}, maximum {values.max():.1f}"
