"""The checkers of the challenges: each tries a learner's function and says what is still wrong.

A checker looks at what a function does, never at how it is written. It says what it found and what
it wanted, not how to get there. It never stops with an error, whatever it is given.
"""

import copy
import itertools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, wraps
from inspect import signature
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

Checker = Callable[..., Verdict]
_FEATURES = "512 features a picture"
_SEEDS = range(8)  # of the splits that are looked at


def _checker(check: Checker) -> Checker:
    """Let a check answer with a verdict, whatever failure or error it raises."""

    @wraps(check)
    def checked(*functions: Callable[..., Any], **named: Callable[..., Any]) -> Verdict:
        given = signature(check).bind(*functions, **named)  # what is missing is the caller's fault
        try:
            return check(*given.args, **given.kwargs)
        except Failure as failure:
            return Verdict(False, str(failure))
        except (Exception, SystemExit) as error:  # such as a result whose own repr fails
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
    ten, usual = images.load().pixels[:10], backbone.resnet18().transform
    unusual = preprocess.Transform((0.5, 0.4, 0.3), (0.1, 0.2, 0.3), 64)
    for name, pixels, transform in (
        ("With the backbone's mean and std", ten, usual),
        ("With another mean and std", ten, unusual),
        # No pixel is 0 or 255, so what a picture's own extremes are made of it shows.
        ("With fewer and darker pictures", ten[3:] // 2 + 20, usual),
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
                off = float((made - due).abs().max())
                raise Failure(
                    f"{name}, the range is right, but not every value: one is off by {off:.3g}."
                )
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
    network.eval()
    for n in (6, 1):
        batch, due = _batch_and_features(n)
        with torch.no_grad():
            made = _tensor(attempt(network, batch), due.shape, _FEATURES)
        if (difference := _difference(made, due)) > 0.001:
            raise Failure(
                "The shape is right, but the numbers are not those that the pretrained layers "
                f"give: they differ by {difference:.0%}. They were to be the same."
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
    batches = [0, 1, 2, 3, 4], [0, 5, 6, 7, 8], [0]
    made = []
    for rows in batches:
        value = attempt(extract_features, network, batch[rows])
        made.append(_tensor(value, (len(rows), due.shape[1]), _FEATURES).clone())
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
    far = max(_difference(part, due[rows]) for part, rows in zip(made, batches, strict=True))
    if not found and far > 0.001:
        found.append(
            f"The features differ by {far:.0%} from those of the frozen network; they were "
            "to be the same."
        )
    if any(part.requires_grad for part in made):
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
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(1))
    groups = pictures.groups[order].tolist()
    drawn = {seed: _sides(attempt(split, list(groups), seed), len(groups)) for seed in _SEEDS}
    for seed, (train, held_out) in drawn.items():
        if words := _fault_of_split(train, held_out, pictures, order):
            raise Failure(words if seed == 0 else f"With seed {seed}: {words}")
    validation = {seed: set(held_out) for seed, (_, held_out) in drawn.items()}
    _, again = _sides(attempt(split, list(groups), 0), len(groups))
    if set(again) != validation[0]:
        raise Failure("The same seed gave another split the second time; it was to be the same.")
    for one, other in itertools.combinations(_SEEDS, 2):
        if validation[one] == validation[other]:
            raise Failure(f"Seeds {one} and {other} gave the same split; each was to give another.")
        both = len(validation[one] & validation[other]) / len(validation[one])
        if both > 0.5:
            raise Failure(
                f"Of the validation pictures of seed {one}, {both:.0%} are those of seed {other}, "
                "too; by chance it is about one in five."
            )
    train, held_out = drawn[0]
    words = f"{len(train)} for training, {len(held_out)} for validation, and no emoji on both."
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
    labels = torch.tensor([3, 9, 0, 3, 7, 9, 1])
    seeded = torch.Generator().manual_seed(0)
    answers = {
        "A head that is right and perfectly sure": one_hot(labels, 10) * 30.0,
        "A head that prefers no class": torch.zeros(7, 10),
        "A head that is often sure and wrong": torch.randn(7, 10, generator=seeded) * 3,
    }
    found, flows = [], True
    for name, logits in answers.items():
        with torch.enable_grad():
            logits.requires_grad_()
            due = cross_entropy(logits, labels)
            loss = _tensor(attempt(loss_of, logits, labels.clone()), (), "a loss")
        if not torch.isclose(loss, due, atol=1e-3):
            found.append(f"{name} has the loss {loss:.2f}; it was to be {due:.2f}.")
        flows &= _same_gradient(loss, due, logits)
    if not found and not flows:
        found.append(
            "The loss is right, but not the gradient that flows from it to the logits; training "
            "needs that of the cross-entropy."
        )
    if found:
        raise Failure(" ".join(found))
    words = "Near 0 for a head that is sure and right, and right for the others."
    return Verdict(True, words)


@_checker
def check_keep(keep: Callable[..., Any], restore: Callable[..., Any] | None = None) -> Verdict:
    """Check that a model can be kept in a folder, and used again from there.

    Lessons of other classes and of another network are kept, and restored from copies of their
    folders, so that nothing helps which is in memory.

    Parameters
    ----------
    keep : callable
        Takes a `featlib.lesson.Lesson` and a folder (`pathlib.Path`), and writes into the folder
        what a later session needs. What it returns does not matter.
    restore : callable
        Takes the folder, and returns what a later session makes of it: an object whose ``predict``
        takes a picture, uint8 3×64×64, and returns the name of a class.

    Returns
    -------
    Verdict
    """
    unseen = images.load().pixels[-10:]
    lessons = {
        "A lesson with other names of classes": _lesson("this", "bundled"),
        "A lesson on another network": _lesson("that", "untrained"),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folders = [_kept(keep, trained, Path(name)) for trained in lessons.values()]
        for words, trained, folder in zip(lessons, lessons.values(), folders, strict=True):
            due = [trained.predict(picture).label for picture in unseen]
            said = _predictions(attempt(restore, folder), unseen)
            _compare_answers(words, said, due)
        _refuse_code(restore, folders[0], unseen)
    return Verdict(
        True,
        "From a copy of the folder, every picture gets the answer of its lesson. Code that was "
        "put into the files did not run.",
    )


@cache
def _lesson(prefix: str, weights: str) -> lesson.Lesson:
    """Return a lesson of few pictures whose classes have names that no other has."""
    emoji = images.load()
    classes = [f"{prefix} {name}" for name in emoji.classes]
    few = images.from_arrays(emoji.pixels[:40], emoji.labels[:40], classes)
    return lesson.run(few, weights=weights, baselines=False, progress=False)


def _kept(keep: Callable[..., Any], trained: lesson.Lesson, place: Path) -> Path:
    """Let a lesson be kept, and return a copy of the folder; the folder itself is gone."""
    folder = Path(tempfile.mkdtemp(dir=place))
    attempt(keep, copy.deepcopy(trained), folder)  # whatever becomes of it
    if not any(folder.iterdir()):
        raise Failure("Your function left the folder empty; a later session has nothing else.")
    copied = shutil.copytree(folder, Path(tempfile.mkdtemp(dir=place)), dirs_exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return Path(copied)


def _predictions(restored: Any, unseen: torch.Tensor) -> list[Any]:
    if not callable(getattr(restored, "predict", None)):
        wanted = "it was to give what has a `predict` that takes a picture and names its class"
        raise Failure(f"Your function gave {describe(restored)}; {wanted}.")
    return [attempt(restored.predict, picture.clone()) for picture in unseen]


def _compare_answers(name: str, said: list[Any], due: list[str]) -> None:
    other = [(a, b) for a, b in zip(said, due, strict=True) if not isinstance(a, str) or a != b]
    if other:
        found, wanted = other[0]
        raise Failure(
            f"{name}: {len(other)} of {len(due)} pictures get another answer from what was kept, "
            f"such as {describe(found)} where the lesson says '{wanted}'. The folder was to hold "
            "all that the answer depends on."
        )


def _spring() -> None:
    _SPRUNG.append(True)


# A pickle that calls `_spring`: who loads it has run what somebody else put into a file.
_TRAP = f"c{__name__}\n{_spring.__name__}\n(tR.".encode()
_SPRUNG: list[bool] = []


def _refuse_code(restore: Any, folder: Path, unseen: torch.Tensor) -> None:
    """Put a harmless piece of code into each file in turn, and refuse a reader that runs it.

    Each time in another copy: a file that is mapped into memory must not change.
    """
    for file in [path for path in sorted(folder.rglob("*")) if path.is_file()]:
        before, copied = len(_SPRUNG), Path(tempfile.mkdtemp(dir=folder.parent))
        shutil.copytree(folder, copied, dirs_exist_ok=True)
        trapped = copied / file.relative_to(folder)
        trapped.unlink()
        trapped.write_bytes(_TRAP)
        with suppress(Exception):
            _predictions(attempt(restore, copied), unseen[:1])
        if len(_SPRUNG) > before:
            raise Failure(
                f"The answers are right, but code that was put into '{file.name}' ran when the "
                "file was read: whoever sends you such a folder could run anything. It was to be "
                "read as numbers and text alone."
            )


def _tensor(value: Any, shape: Sequence[int], what: str) -> torch.Tensor:
    """Return the value if it is a finite float32 tensor of this shape."""
    size = shape_text(shape) if len(shape) else "of a single number"
    due = f"it was to give {what}: a float32 tensor {size}"
    if getattr(value, "dtype", None) != torch.float32 or value.shape != torch.Size(shape):
        raise Failure(f"Your function gave {describe(value)}; {due}.")
    if value.device.type != "cpu" or value.layout != torch.strided:
        raise Failure(f"Your function gave {describe(value)}; {due} in the CPU's memory.")
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


def _fault_of_split(
    train: list[int], held_out: list[int], pictures: images.ImageSet, order: torch.Tensor
) -> str:
    """Say what is wrong with one split of the pictures in this order, if anything is."""
    n, groups = len(order), pictures.groups[order].tolist()
    if not 0.15 <= len(held_out) / n <= 0.25:
        return (
            f"{len(held_out)} of {n} pictures are for validation; it was to be about one in five."
        )
    leaked = {groups[i] for i in train} & {groups[i] for i in held_out}
    if leaked:
        shown = min(pictures.captions[order[i]] for i in held_out if groups[i] in leaked)
        return (
            f"{len(leaked)} emoji have a drawing on each side, such as '{shown}'; none was to have "
            "one."
        )
    of_class = pictures.labels[order].bincount()
    aside = pictures.labels[order][held_out].bincount(minlength=len(of_class))
    worst = int((aside / of_class).argmax())
    # By chance it is one in five; of 100,000 random splits by emoji none had more than 0.65.
    if aside[worst] >= 0.7 * of_class[worst]:
        return (
            f"{aside[worst]} of the {of_class[worst]} pictures of '{pictures.classes[worst]}' are "
            "for validation; by chance it is about one in five of each class."
        )
    return ""


def _same_gradient(loss: torch.Tensor, due: torch.Tensor, logits: torch.Tensor) -> bool:
    if not loss.requires_grad:
        return False
    (wanted,) = torch.autograd.grad(due, logits)
    try:
        (found,) = torch.autograd.grad(loss, logits, allow_unused=True)
    except RuntimeError:  # there is nothing left to go back through
        words = "The function called `backward()` itself; it was to give the loss back, no more."
        raise Failure(words) from None
    return found is not None and torch.allclose(found, wanted, atol=1e-3)


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
