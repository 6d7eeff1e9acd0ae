"""Stage 4: train one linear layer on features, epoch by epoch.

The head is a plain `torch.nn.Linear`. While it is trained, each feature is centered, and all are
divided by one number, their common std, so that one learning rate serves any backbone. (One std for
each feature would blow up features that are nearly constant in few training images.) This is
linear, too, so at the end it is merged into the layer: the head that you get takes features as
`features.extract` returns them.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.adamw import adamw

from featlib import checks

__all__ = ["Epoch", "Recipe", "TrainingTrace", "check_settings", "observe", "train"]


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training, so that a trace can say how it was made.

    Attributes
    ----------
    epochs : int
        Passes over the training features.
    batch_size : int
        Features in one step.
    learning_rate : float
        The learning rate of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101). The default was
        chosen by cross-validation on the training images of emoji10 alone.
    weight_decay : float
        How strongly AdamW pulls weights towards zero.
    seed : int
        The seed of the first weights and of the order of the batches.

    Examples
    --------
    >>> from featlib.head import Recipe
    >>> Recipe(epochs=10)
    Recipe(epochs=10, batch_size=32, learning_rate=0.002, weight_decay=0.01, seed=0)
    """

    epochs: int = 5
    batch_size: int = 32
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    seed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.epochs} epochs, batches of {self.batch_size}, AdamW, learning rate "
            f"{self.learning_rate:g}, weight decay {self.weight_decay:g}, centered and "
            f"scaled features, seed {self.seed}"
        )


@dataclass(frozen=True)
class Epoch:
    """One row of the training trace, measured at the end of the epoch on all rows.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    loss : float
        Mean cross-entropy over the training features, in nats.
    accuracy : float
        Share of the training features that are classified correctly, 0–1.
    val_accuracy : float or None
        The same for the validation features; None if there are none.
    observation : str
        What the numbers say.

    Examples
    --------
    >>> from featlib.head import Epoch
    >>> Epoch(1, loss=1.2, accuracy=0.6, val_accuracy=0.5, observation="a first step").loss
    1.2
    """

    epoch: int
    loss: float
    accuracy: float
    val_accuracy: float | None
    observation: str


@dataclass(frozen=True)
class TrainingTrace:
    """What happened in a training.

    Attributes
    ----------
    epochs : tuple of Epoch
        One row for each epoch.
    recipe : Recipe
        The settings.
    seconds : float
        The time it took, with the measuring after each epoch.

    Examples
    --------
    >>> from featlib.head import Epoch, Recipe, TrainingTrace
    >>> rows = (Epoch(1, 1.2, 0.6, None, "a first step"), Epoch(2, 0.9, 0.7, None, "a second"))
    >>> TrainingTrace(rows, Recipe(epochs=2), seconds=0.1)
    TrainingTrace(2 epochs, loss 0.90, accuracy 0.70)
    """

    epochs: tuple[Epoch, ...]
    recipe: Recipe
    seconds: float

    def __repr__(self) -> str:
        last = self.epochs[-1]
        return (
            f"TrainingTrace({len(self.epochs)} epochs, loss {last.loss:.2f}, "
            f"accuracy {last.accuracy:.2f})"
        )


def train(
    features: torch.Tensor,
    labels: torch.Tensor,
    n_classes: int,
    *,
    validation: tuple[torch.Tensor, torch.Tensor] | None = None,
    **settings: Any,
) -> tuple[nn.Linear, TrainingTrace]:
    """Train a linear layer on features.

    Parameters
    ----------
    features : torch.Tensor
        float32 N×D.
    labels : torch.Tensor
        int64 N, class numbers from 0.
    n_classes : int
        The number of classes, C.
    validation : tuple of (torch.Tensor, torch.Tensor), optional
        Features, float32 M×D, and labels, int64 M, to measure after each epoch. They are never
        trained on.
    **settings : int or float
        The fields of `Recipe`: `epochs`, `batch_size`, `learning_rate`, `weight_decay`, `seed`.

    Returns
    -------
    head : torch.nn.Linear
        D to C: takes features float32 N×D, returns logits float32 N×C.
    trace : TrainingTrace
        One row for each epoch.

    Raises
    ------
    featlib.FeatlibError
        If the features, labels or a setting are not as above.

    Examples
    --------
    >>> import torch
    >>> from featlib import head
    >>> labels = torch.arange(30) % 3
    >>> features = 5 * torch.eye(3, 8)[labels]  # three points, ten times each
    >>> layer, trace = head.train(features, labels, 3, epochs=3, learning_rate=0.1)
    >>> layer
    Linear(in_features=8, out_features=3, bias=True)
    >>> [row.epoch for row in trace.epochs], trace.epochs[-1].accuracy
    ([1, 2, 3], 1.0)
    """
    recipe = check_settings(settings)
    _check(features, labels, n_classes, validation)
    started = time.perf_counter()
    mean = features.mean(0)
    scaled = features - mean
    std = scaled.std(correction=0).clamp_min(1e-6)
    scaled /= std
    held_out = validation and ((validation[0] - mean) / std, validation[1])
    layer = _new_layer(features.shape[1], n_classes, recipe.seed)
    rows = []
    for _ in _passes(layer, scaled, labels, recipe):
        loss, accuracy = _measure(layer, scaled, labels)
        val_accuracy = _measure(layer, *held_out)[1] if held_out else None
        words = observe(rows, loss, accuracy, val_accuracy, n_classes)
        rows.append(Epoch(len(rows) + 1, loss, accuracy, val_accuracy, words))
    _merge(layer, mean, std)
    return layer, TrainingTrace(tuple(rows), recipe, time.perf_counter() - started)


def observe(
    rows: Sequence[Epoch], loss: float, accuracy: float, val_accuracy: float | None, n_classes: int
) -> str:
    """Say in words what the numbers of an epoch mean, compared with the epochs before.

    Parameters
    ----------
    rows : sequence of Epoch
        The epochs before.
    loss, accuracy : float
        Of the training features, at the end of this epoch: cross-entropy in nats, and share.
    val_accuracy : float or None
        Share of the validation features that are classified correctly; None if there are none.
    n_classes : int
        The number of classes, C; a guess is right once in C times.

    Returns
    -------
    str
        One short sentence.

    Examples
    --------
    >>> from featlib import head
    >>> head.observe([], 1.8, 0.4, 0.4, n_classes=10)
    '4.0 times as many right as by guessing (1 in 10)'
    >>> first = head.Epoch(1, 1.8, 0.4, 0.4, "")
    >>> head.observe([first], 1.2, 0.6, 0.6, n_classes=10)
    'big step: loss falls by 33%'
    """
    if not rows:
        times = accuracy * n_classes
        return f"{times:.1f} times as many right as by guessing (1 in {n_classes})"
    before = rows[-1]
    if before.loss < 0.001:
        return "nothing left to learn from these images"
    fall = (before.loss - loss) / before.loss
    if fall < 0:
        return f"loss rose by {-fall:.0%}: the learning rate may be too high"
    gap = accuracy - val_accuracy if val_accuracy is not None else 0
    if gap > 0.1 and _stands_still(val_accuracy, before.val_accuracy):
        return (
            f"validation stands still, {100 * gap:.0f} points behind: the head starts to memorize"
        )
    if fall > 0.25:
        return f"big step: loss falls by {fall:.0%}"
    if fall > 0.1:
        return f"steady gain: loss falls by {fall:.0%}"
    return f"leveling off: loss falls by only {fall:.0%}"


def check_settings(settings: dict[str, Any]) -> Recipe:
    """Check the settings of a training before any work is done.

    Parameters
    ----------
    settings : dict
        Fields of `Recipe`; what is left out has its default.

    Returns
    -------
    Recipe
        The settings, with defaults for the rest.

    Raises
    ------
    featlib.FeatlibError
        If a name is unknown or a value is out of range.

    Examples
    --------
    >>> from featlib import head
    >>> head.check_settings({"epochs": 3}).epochs
    3
    """
    unknown = settings.keys() - Recipe.__dataclass_fields__.keys()
    if unknown:
        wanted = f"settings among {', '.join(Recipe.__dataclass_fields__)}"
        checks.refuse("head.train", wanted, ", ".join(sorted(unknown)), "Check the spelling.")
    recipe = Recipe(**settings)
    for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
        checks.whole_number(getattr(recipe, name), "head.train", name, low)
    checks.number(recipe.learning_rate, "head.train", "learning_rate", above=True)
    checks.number(recipe.weight_decay, "head.train", "weight_decay")
    return recipe


def _stands_still(now: float | None, before: float | None) -> bool:
    return now is not None and before is not None and now <= before


def _check(
    features: torch.Tensor,
    labels: torch.Tensor,
    n_classes: int,
    validation: tuple[torch.Tensor, torch.Tensor] | None,
) -> None:
    checks.whole_number(n_classes, "head.train", "n_classes", low=2)
    checks.features(features, "head.train")
    checks.labels(labels, "head.train", len(features), n_classes)
    if validation:
        checks.features(validation[0], "head.train, validation", width=features.shape[1])
        checks.labels(validation[1], "head.train, validation", len(validation[0]), n_classes)


def _new_layer(width: int, n_classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(width, n_classes)


def _passes(
    layer: nn.Linear, features: torch.Tensor, labels: torch.Tensor, recipe: Recipe
) -> Iterator[None]:
    """Train epoch by epoch, and stop after each so that the caller can measure."""
    parameters: list[torch.Tensor] = list(layer.parameters())
    step = _adamw(parameters, recipe)
    order = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(features), generator=order).split(recipe.batch_size):
            loss = cross_entropy(layer(features[rows]), labels[rows])
            step(torch.autograd.grad(loss, parameters))
        yield


def _adamw(
    parameters: list[torch.Tensor], recipe: Recipe
) -> Callable[[Sequence[torch.Tensor]], None]:
    """Return a function that takes gradients and moves the parameters, as torch.optim.AdamW does.

    It calls the function that does the work of that class. Creating an object of the class imports
    PyTorch's compiler, which takes longer than the whole training.
    """
    means, squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    steps = [torch.zeros(()) for _ in parameters]

    @torch.no_grad()
    def step(gradients: Sequence[torch.Tensor]) -> None:
        adamw(
            parameters,
            list(gradients),
            means,
            squares,
            max_exp_avg_sqs=[],
            state_steps=steps,
            fused=True,  # one pass over the parameters in each step: a fifth less time, same result
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            eps=1e-8,
            maximize=False,
        )

    return step


@torch.no_grad()
def _measure(layer: nn.Linear, features: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    logits = layer(features)
    right = (logits.argmax(1) == labels).float().mean()
    return cross_entropy(logits, labels).item(), right.item()


@torch.no_grad()
def _merge(layer: nn.Linear, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Rewrite the layer for features that are not centered and scaled.

    W((x − mean) / std) + b = (W / std) x + (b − (W / std) mean)
    """
    layer.weight.div_(std)
    layer.bias.sub_(layer.weight @ mean)
