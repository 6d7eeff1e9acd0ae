"""The checkers of the gaps: each looks at what a learner put in the place of `...` in a notebook.

A checker says what it found and what it wanted, and knows the usual mistakes by what comes of them.
It never stops with an error, whatever it is given.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, wraps
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from featlib import backbone, images, preprocess
from featlib.engine.words import describe, shape_text
from featlib.exercises.verdict import Failure, Verdict, attempt

__all__ = [
    "check_features",
    "check_maps",
    "check_normalized",
    "check_recall",
    "check_softmax",
    "check_tensor",
    "check_training",
]

_EMPTY = (
    "Not filled in yet. Write your own code in the place of the three dots. Then run that cell, "
    "and this one."
)
_EPOCHS, _ROWS, _BATCH, _RATE = 5, 80, 32, 0.1


class _Open(Verdict):
    """Of a gap that nobody has filled in yet."""

    @property
    def sign(self) -> str:
        return "✎ Your turn."


class _EmptyGapError(Exception):
    """What was given does nothing."""


def _checker(check: Callable[..., str]) -> Callable[..., Verdict]:
    """Let a check answer with a verdict, whatever failure or error it raises."""

    @wraps(check)
    def checked(mine: object, *others: object, **named: object) -> Verdict:
        if mine is Ellipsis:
            return _Open(False, _EMPTY)
        given = signature(check).bind(mine, *others, **named)  # a wrong call is the caller's fault
        try:
            return Verdict(True, check(*given.args, **given.kwargs))
        except _EmptyGapError:
            return _Open(False, _EMPTY)
        except Failure as failure:
            return Verdict(False, str(failure))
        except (Exception, SystemExit) as error:  # such as a value whose own methods fail
            words = f"it stopped the checker with {type(error).__name__}"
            return Verdict(False, f"What you have made could not be examined: {words}.")

    return checked


@_checker
def check_tensor(mine: object) -> str:
    """Check that the first picture of emoji10, an array H×W×C, became a tensor C×H×W.

    Parameters
    ----------
    mine : torch.Tensor
        uint8 3×64×64. Anything else gets its own words.

    Returns
    -------
    Verdict
    """
    due = images.load().pixels[0]
    array = due.permute(1, 2, 0).contiguous()
    shapes = {
        (64, 64, 3): "The channels still come last (H×W×C); they were to come first.",
        (64, 3, 64): "The channels are in the middle; they were to come first.",
        (1, 3, 64, 64): "That is a batch of one picture; the picture alone was wanted.",
    }
    made = _tensor(mine, due, shapes)
    mistakes = {
        "The shape is right, but the picture is gone: `reshape` cuts the same list of numbers at "
        "other places. The axes were to change their order, each number staying with its pixel.": (
            array.reshape(3, 64, 64)
        ),
        "The channels come first, but rows and columns are exchanged: the picture lies on its "
        "side. The order was to be C×H×W.": array.permute(2, 1, 0),
        "Red and blue are exchanged; the order of the colors was to stay.": due.flip(0),
    }
    _compare(made, due, mistakes)
    return "Three channels of 64×64, and each number is still with its pixel."


@_checker
def check_normalized(mine: object) -> str:
    """Check that the first picture of emoji10 was scaled and normalized for the backbone.

    Parameters
    ----------
    mine : torch.Tensor
        float32 3×64×64. Anything else gets its own words.

    Returns
    -------
    Verdict
    """
    pixels, transform = images.load().pixels[:1], backbone.resnet18().transform
    due = preprocess.prepare(pixels, transform)[0]
    mean, std = (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))
    raw = pixels[0].float()
    scaled = raw / 255
    shapes = {
        (1, 3, 64, 64): "That is a batch; one picture was wanted.",
        (64, 64, 3): "The channels come last (H×W×C); they were to come first.",
    }
    made = _tensor(mine, due, shapes)
    mistakes = {
        "Nothing was subtracted and divided yet: these are the raw pixels, 0 to 255.": raw,
        "These values go from 0 to 1: step 2, mean and std, is missing.": scaled,
        "The division by 255 is missing: mean and std are for values from 0 to 1.": (
            (raw - mean) / std
        ),
        "Divided by 256; the largest value of a byte is 255.": (raw / 256 - mean) / std,
        "Divided by the largest value of this picture; 255 was wanted, whatever is in a picture.": (
            (raw / raw.max() - mean) / std
        ),
        "That is the mean and std of this picture; those of the backbone were wanted.": (
            (raw - raw.mean((1, 2), keepdim=True)) / raw.std((1, 2), keepdim=True)
        ),
        "Divided by 255 twice: once was wanted.": (scaled / 255 - mean) / std,
        "Mean and std were applied twice: once was wanted.": (due - mean) / std,
        "The mean was subtracted, but the division by std is missing.": scaled - mean,
        "Divided by std, but the mean was not subtracted before.": scaled / std,
        "Only the mean was divided by std: parentheses around the difference are missing.": (
            scaled - mean / std
        ),
        "Multiplied by std; a division was wanted.": (scaled - mean) * std,
        "Mean and std are exchanged.": (scaled - std) / mean,
        "The mean was added; it was to be subtracted.": (scaled + mean) / std,
    }
    _compare(made, due, mistakes)
    return "Scaled once, normalized once: just as the backbone knows pictures from its training."


@_checker
def check_features(mine: object, network: object = None) -> str:
    """Check the features of the first eight pictures of emoji10, and that the network is frozen.

    Parameters
    ----------
    mine : torch.Tensor
        float32 8×512, from the frozen, pretrained ResNet18. Anything else gets its own words.
    network : torch.nn.Module
        The network that made them, `my_model`: no parameter but those of `fc` takes gradients,
        BatchNorm is in eval mode, and its tensors are those of the bundled weights.

    Returns
    -------
    Verdict
    """
    due, mistakes = _features()
    shapes = {
        (8, 200): "`fc` is still in its place: these are its scores for 200 classes. The 512 "
        "numbers that go into it were wanted.",
        (8, 512, 1, 1): "Two axes of length 1 are left; flatten them: 8×512 was wanted.",
        (8, 512, 2, 2): "These are the maps of layer4, before their average: 8×512 was wanted.",
        (512,): "That is one picture; all eight of the batch were wanted.",
    }
    made = _tensor(mine, due, shapes)
    _compare(made, due, mistakes, _far)
    _refuse_unfrozen(network)
    if made.requires_grad:
        raise Failure("These numbers carry gradients; those of a frozen network carry none.")
    return (
        "512 features a picture. No parameter of the network takes gradients, and BatchNorm uses "
        "its stored statistics."
    )


@_checker
def check_training(train: object) -> str:
    """Check a training loop by what it does to a small layer.

    Parameters
    ----------
    train : callable
        Takes a layer (`torch.nn.Linear`), an optimizer, features (float32 N×D) and labels (int64
        N); trains the layer for five epochs, in batches of 32. What it returns does not matter.

    Returns
    -------
    Verdict
    """
    chance = torch.Generator().manual_seed(0)
    x, y = torch.randn(_ROWS, 8, generator=chance), torch.arange(_ROWS) % 4
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Linear(8, 4)
        before = copy.deepcopy(layer.state_dict())
        watched = _Watched(layer, x, y)
        attempt(train, layer, watched.optimizer, x.clone(), y.clone())
    watched.find_moved()
    due = _EPOCHS * -(-_ROWS // _BATCH)
    if not watched.steps:
        _refuse_without_steps(watched, before, due)
    if watched.fault:
        raise Failure(watched.fault)
    if watched.steps != due:
        raise Failure(
            f"{watched.steps} steps were made; with {_ROWS} rows, batches of {_BATCH} and "
            f"{_EPOCHS} epochs, {due} were wanted: one a batch."
        )
    counts = sorted(set(watched.seen.tolist()))
    if counts != [_EPOCHS]:
        raise Failure(
            f"Some rows were seen {counts[0]} times, others {counts[-1]} times; each was to be "
            f"seen {_EPOCHS} times."
        )
    return f"{due} steps, each along the gradient of its own batch alone."


@_checker
def check_recall(mine: object, confusion: object) -> str:
    """Check the recall of each class, from a confusion matrix.

    Parameters
    ----------
    mine : torch.Tensor, numpy.ndarray or sequence of float
        C shares. Anything else gets its own words.
    confusion : numpy.ndarray or torch.Tensor
        int64 C×C counts: rows are true classes, columns what the head said.

    Returns
    -------
    Verdict
    """
    counts = torch.as_tensor(np.asarray(confusion, dtype=np.float64))
    right, all_of = counts.diagonal(), counts.sum(1)
    due = right / all_of
    made = _numbers(mine, due, f"wanted were {len(due)} numbers, one for each class")
    mistakes = {
        "That is precision, of all that were called so: you have summed over the wrong axis. "
        "Recall asks of all that are so: the sum of a row.": right / counts.sum(0),
        "Divided by all pictures; each class was to be divided by its own.": right / counts.sum(),
        "These are counts of right answers; shares of each class were wanted.": right,
        "That is the share that was missed; the share that was found was wanted.": 1 - due,
        "These are percent; shares from 0 to 1 were wanted.": 100 * due,
        "That is how the right answers are spread over the classes; each class was to be divided "
        "by its own number of pictures.": right / right.sum(),
        "That is F1, which mixes recall and precision; recall alone was wanted.": (
            2 * right / (counts.sum(0) + all_of)
        ),
    }
    _compare(made, due, mistakes)
    return "Of all pictures of each class, the share that was found."


@_checker
def check_softmax(mine: object, logits: torch.Tensor) -> str:
    """Check the softmax of each row of some logits.

    Parameters
    ----------
    mine : torch.Tensor, numpy.ndarray or sequence
        N×C shares. Anything else gets its own words.
    logits : torch.Tensor
        float32 N×C, the logits of N pictures.

    Returns
    -------
    Verdict
    """
    logits = logits.detach().double()
    due, powers = logits.softmax(1), logits.exp()
    wanted = f"wanted were numbers {shape_text(due.shape)}, a row for each picture"
    made = _numbers(
        mine, due, wanted, {due.shape[1:]: "That is one picture; one row for each was wanted."}
    )
    mistakes = {
        "The wrong axis: each column adds up to 1. Each row, which is one picture, was to.": (
            logits.softmax(0)
        ),
        "All numbers together add up to 1; each row was to.": powers / powers.sum(),
        "These are e to the logits; the division by their sum is missing.": powers,
        "These are the logits, as they were.": logits,
        "The logits were divided by their sum; e was to be raised to them before.": (
            logits / logits.sum(1, keepdim=True)
        ),
        "Softmax was applied twice; once was wanted.": due.softmax(1),
        "These are logarithms of the probabilities; the probabilities were wanted.": due.log(),
        "The powers were divided by the largest of their row; their sum was wanted.": (
            powers / powers.amax(1, keepdim=True)
        ),
        "These are percent; shares from 0 to 1 were wanted.": 100 * due,
        "That is the sigmoid of each logit on its own; each row was to add up to 1.": (
            logits.sigmoid()
        ),
    }
    _compare(made, due, mistakes)
    return "Each row adds up to 1, and the order of its logits is kept."


@_checker
def check_maps(mine: object) -> str:
    """Check the maps after layer3 of the first eight pictures of emoji10.

    Parameters
    ----------
    mine : torch.Tensor
        float32 8×256×4×4, from the frozen, pretrained ResNet18. Anything else gets its own words.

    Returns
    -------
    Verdict
    """
    due, mistakes = _maps()
    shapes = {
        (8, 64, 16, 16): "These are maps of the stem or of layer1: too early. Layer3 was wanted.",
        (8, 128, 8, 8): "These are the maps of layer2, one stage too early. Layer3 was wanted.",
        (8, 512, 2, 2): "These are the maps of layer4, one stage too late. Layer3 was wanted.",
        (8, 512): "These are the features, at the end. The maps of layer3 were wanted.",
        (8, 256): "These are averages; the maps themselves were wanted.",
        (8, 4096): "The maps are flattened; their places were to stay.",
        (256, 4, 4): "That is one picture; all eight were wanted.",
    }
    made = _tensor(mine, due, shapes).detach()
    _compare(made, due, mistakes, _far)
    return "256 maps of 4×4 places for each of eight pictures."


def _tensor(value: object, due: torch.Tensor, shapes: Mapping[Any, str]) -> torch.Tensor:
    """Return the value if it is a finite tensor of the shape and dtype that are due.

    `shapes` has words for shapes that come of a usual mistake.
    """
    kind = str(due.dtype).removeprefix("torch.")
    wanted = f"wanted was a {kind} tensor {shape_text(due.shape)}"
    if isinstance(value, np.ndarray):
        raise Failure(f"That is {describe(value)}, an array of NumPy; {wanted}.")
    if not isinstance(value, torch.Tensor):
        raise Failure(f"That is {describe(value)}; {wanted}.")
    if value.shape != due.shape:
        words = shapes.get(tuple(value.shape), "")
        raise Failure(f"That is {describe(value)}; {wanted}. {words}".strip())
    if value.device.type != "cpu" or value.layout != torch.strided:
        raise Failure(f"That is {describe(value)}; {wanted} in the CPU's memory.")
    if value.dtype != due.dtype:
        raise Failure(f"The shape is right, but that is {describe(value)}; {wanted}.")
    if value.is_floating_point() and not value.isfinite().all():
        raise Failure(f"Some numbers are NaN or infinite; {wanted}, all finite.")
    return value


def _numbers(
    value: Any, due: torch.Tensor, wanted: str, shapes: Mapping[Any, str] | None = None
) -> torch.Tensor:
    """Return numbers of the shape that is due, in any plain form, as float64."""
    try:
        plain = value
        if isinstance(value, torch.Tensor):
            plain = value.detach().cpu()
            plain = (plain.double() if plain.is_floating_point() else plain).numpy()
        found = np.asarray(plain)
        if found.dtype.kind in "bcSU":
            raise TypeError
        found = found.astype(np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise Failure(f"That is {describe(value)}; {wanted}.") from None
    if found.shape == ():
        raise Failure(f"That is a single number, {found:.3g}; {wanted}.")
    if found.shape != due.shape:
        words = (shapes or {}).get(found.shape, "")
        raise Failure(f"That has the shape {shape_text(found.shape)}; {wanted}. {words}".strip())
    if not np.isfinite(found).all():
        raise Failure(f"Some numbers are NaN or infinite; {wanted}, all finite.")
    return torch.from_numpy(found.copy())


def _compare(
    made: torch.Tensor,
    due: torch.Tensor,
    mistakes: Mapping[str, torch.Tensor],
    otherwise: Callable[[torch.Tensor, torch.Tensor], str] | None = None,
) -> None:
    """Pass what is due; name the mistake that gives what was made, or say how far off it is."""
    if _close(made, due):
        return
    for words, wrong in mistakes.items():
        if wrong.shape == made.shape and _close(made, wrong):
            raise Failure(words)
    raise Failure((otherwise or _ranges)(made, due))


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    one, other = one.detach().double(), other.detach().double()
    return bool(torch.allclose(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max())))


def _ranges(made: torch.Tensor, due: torch.Tensor) -> str:
    found, wanted = (_range_in_words(values.double()) for values in (made, due))
    if found == wanted:
        off = float((made.double() - due.double()).abs().max())
        return f"Shape and range are right, but not every number: one is off by {off:.3g}."
    return f"The shape is right, but the numbers have {found}; wanted was {wanted}."


def _range_in_words(values: torch.Tensor) -> str:
    return f"minimum {values.min():.2f}, mean {values.mean():.2f}, maximum {values.max():.2f}"


def _far(made: torch.Tensor, due: torch.Tensor) -> str:
    difference = float((made.detach() - due).norm() / due.norm())
    return (
        f"The shape is right, but the numbers differ by {difference:.0%} from those of the "
        "pretrained network; they were to be the same. Look at what they depend on: the pictures, "
        "their order, the weights, and the mode of BatchNorm, in this pass and in those before it."
    )


def _refuse_unfrozen(network: object) -> None:
    """Say what in a network could still change, or has changed; `fc` may be anything."""
    right = "The features are right, but"
    if not isinstance(network, nn.Module):
        due = "beside them `my_model` was due, the network that made them"
        raise Failure(f"{right} {due}; what came is {describe(network)}.")
    parameters = [p for name, p in network.named_parameters() if "fc" not in name.split(".")]
    if learning := sum(p.requires_grad for p in parameters):
        raise Failure(
            f"{right} {learning} of the {len(parameters)} parameters of `my_model` still take "
            "gradients, so training could change them. Frozen, none was to."
        )
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    if training := sum(m.training for m in norms):
        raise Failure(
            f"{right} {training} of the {len(norms)} BatchNorm layers of `my_model` are in "
            "training mode: the next pass would change their stored statistics."
        )
    found, due = (
        [tensor for name, tensor in module.state_dict().items() if "fc" not in name.split(".")]
        for module in (network, backbone.resnet18().network)
    )
    if len(found) != len(due) or not all(map(torch.equal, found, due)):
        raise Failure(f"{right} `my_model` no longer holds the numbers of its weights file.")


def _refuse_without_steps(
    watched: "_Watched", before: Mapping[str, torch.Tensor], due: int
) -> None:
    """Say what a training loop did that made no step."""
    layer = watched.layer
    if any(not torch.equal(before[name], now) for name, now in layer.state_dict().items()):
        raise Failure("The layer has changed, but not by `optimizer.step()`, as it was to.")
    if layer.weight.grad is not None:
        raise Failure(
            f"There are gradients, but no `step()` was made: the layer has not moved. {due} steps "
            "were wanted."
        )
    if watched.forwards > 1 and not watched.optimizer.cleared:
        raise _EmptyGapError
    raise Failure(f"No `step()` was made, and no gradients; {due} steps were wanted.")


class _Optimizer(torch.optim.SGD):
    """Plain gradient descent that knows whether somebody has called `zero_grad`."""

    cleared = False

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.cleared = True
        super().zero_grad(set_to_none)


@dataclass
class _Watched:
    """A layer and its optimizer, with an eye on the gradients of each step."""

    layer: nn.Linear
    x: torch.Tensor
    y: torch.Tensor
    steps: int = 0
    forwards: int = 0
    fault: str = ""
    seen: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.seen = torch.zeros(len(self.x), dtype=torch.int64)
        self._batches: list[torch.Tensor] = []  # the rows of each pass since the last step
        self._sums = [torch.zeros_like(p) for p in self.layer.parameters()]
        self._before = self._after = self._now()
        self.layer.register_forward_hook(self._note)
        self.optimizer = _Optimizer(self.layer.parameters(), lr=_RATE)
        self.optimizer.register_step_pre_hook(self._look)
        self.optimizer.register_step_post_hook(self._judge)

    def find_moved(self) -> None:
        """Find out whether the layer has changed since its last step."""
        if not self.fault and not all(map(torch.equal, self._now(), self._after)):
            self.fault = (
                f"After {self.steps} steps the layer was changed otherwise than by "
                "`optimizer.step()`, as it was to."
            )

    def _now(self) -> list[torch.Tensor]:
        return [p.detach().clone() for p in self.layer.parameters()]

    def _note(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: object) -> None:
        if not torch.is_grad_enabled():  # somebody measures
            return
        self.forwards += 1
        rows = inputs[0].detach().reshape(-1, self.x.shape[1])
        self._batches.append(torch.cdist(rows, self.x).argmin(1))

    def _look(self, *_: object) -> None:
        self.find_moved()
        self._before = self._now()

    def _judge(self, *_: object) -> None:  # after a step, since a closure makes gradients in it
        self.steps += 1
        self.fault = self.fault or self._fault()
        self._batches.clear()
        self._after = self._now()

    def _fault(self) -> str:
        at, grads = f"At step {self.steps}", [p.grad for p in self.layer.parameters()]
        if all(grad is None or not grad.any() for grad in grads):
            return (
                f"{at} there was no gradient. `backward()` makes it, and "
                "`zero_grad()` takes it away: their order matters."
            )
        if not self._batches:
            return f"{at} no batch had gone through the layer since the last step; one was to."
        found = [torch.zeros(()) if grad is None else grad for grad in grads]
        for rows in self._batches:
            due, _ = self._gradients(rows)
            if all(map(_close, found, due)):
                self.seen += torch.bincount(rows, minlength=len(self.seen))
                self._sums = [total + grad for total, grad in zip(self._sums, due, strict=True)]
                moved = [old - _RATE * grad for old, grad in zip(self._before, due, strict=True)]
                if all(map(_close, self._now(), moved)):
                    return ""
                return (
                    f"{at} the layer moved by another step than {_RATE} times the gradient: are "
                    "learning rate, momentum and weight decay as they were?"
                )
        return f"{at} {self._mistake(found, self._batches[-1])}"

    def _mistake(self, found: list[torch.Tensor], rows: torch.Tensor) -> str:
        """Say in which way the gradients are not those of the batch."""
        due, softmax_twice = self._gradients(rows)
        wrong = [k for k, grad in enumerate(found) if not _close(grad, due[k])]
        of = "" if len(wrong) == len(found) else f" of `{('weight', 'bias')[wrong[0]]}`"

        def are(others: list[torch.Tensor]) -> bool:
            return all(_close(found[k], others[k]) for k in wrong)

        if self.steps > 1 and are([a + b for a, b in zip(self._sums, due, strict=True)]):
            return (
                f"the gradients{of} of all batches so far were summed up: the old ones were never "
                "set to zero. Those of one batch were wanted."
            )
        if are([-grad for grad in due]):
            return "the layer went uphill: the loss was to fall."
        if are(softmax_twice):
            return "softmax was applied before `cross_entropy`, which applies it itself."
        return f"the gradient{of} was not that of the cross-entropy of its batch, as it was to be."

    def _gradients(self, rows: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the gradients of a batch before the step, and what they are with softmax twice."""
        weight, bias = (p.clone().requires_grad_() for p in self._before)
        with torch.enable_grad():
            logits = nn.functional.linear(self.x[rows], weight, bias)
            once = cross_entropy(logits, self.y[rows])
            twice = cross_entropy(logits.softmax(1), self.y[rows])
            return (
                list(torch.autograd.grad(once, (weight, bias), retain_graph=True)),
                list(torch.autograd.grad(twice, (weight, bias))),
            )


def _of_pictures(network: nn.Module) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return what a network makes of the eight pictures, and what usual mistakes make of them."""
    network = copy.deepcopy(network).eval()
    pixels, transform = images.load().pixels[:8], backbone.resnet18().transform
    batch = preprocess.prepare(pixels, transform)
    mean, std = (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))
    with torch.no_grad():
        due = network(batch)
        mistakes = {
            "The raw pixels went in; they were to be scaled and normalized.": (
                network(pixels.float())
            ),
            "The pictures were only scaled; mean and std are missing.": network(pixels / 255),
            "The pictures were normalized twice; once was wanted.": network((batch - mean) / std),
            "BatchNorm was in training mode: it used the mean and std of these eight pictures. "
            "Its stored statistics were wanted; the mode was to be another.": (
                network.train()(batch)
            ),
            "The mode is right now, but a pass in training mode has changed BatchNorm's stored "
            "statistics. Make the network anew, with its weights.": network.eval()(batch),
        }
    return due, mistakes


@cache
def _features() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the features of the eight pictures, and what usual mistakes give in their place."""
    network = copy.deepcopy(backbone.resnet18().network)
    network.fc = nn.Identity()
    return _of_pictures(network)


@cache
def _maps() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return the maps after layer3, and what usual mistakes give in their place."""
    parts = list(backbone.resnet18().network.children())[:7]
    due, mistakes = _of_pictures(nn.Sequential(*parts))
    early, _ = _of_pictures(nn.Sequential(*parts[:6], parts[6].get_submodule("0")))
    words = "These are the maps of the first block of layer3; those after all of it were wanted."
    return due, {words: early} | mistakes
