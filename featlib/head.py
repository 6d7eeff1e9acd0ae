"""Stage 4: train one linear layer on features, epoch by epoch.

The head is a plain `torch.nn.Linear`. While it is trained, each feature is centered, and all are
divided by one number, their common std, so that one learning rate serves any backbone. (One std for
each feature would blow up features that are nearly constant in few training images.) This is
linear, too, so at the end it is merged into the layer: the head that you get takes features as
`features.extract` returns them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import getclosurevars, isfunction
from math import isfinite, log
from types import FunctionType, MethodType
from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.adamw import adamw

from featlib import checks
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import describe, reason

__all__ = [
    "Epoch",
    "Recipe",
    "TrainingTrace",
    "check_settings",
    "logits",
    "loss_text",
    "observe",
    "train",
]

_WHERE = "head.train"
_MOST_CLASSES = 100_000  # five times as many as the largest ImageNet has; more fill the memory
_SEEDS = 2**63  # torch takes no higher ones; these begin again
_DIVERGED = 10  # times the loss of guessing
_LEARNED = 0.001  # nats


@dataclass(frozen=True)
class Recipe:
    """Every setting of a training, so that a trace can say how it was made.

    Attributes
    ----------
    epochs : int
        Passes over the training features.
    batch_size : int
        Features in one step; more than there are count as all.
    learning_rate : float
        The learning rate of AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101). The default was
        chosen by cross-validation on the training images of emoji10 alone, with an earlier
        backbone; notebook 07 measures how near the best it is with this one.
    weight_decay : float
        How strongly AdamW pulls weights towards zero.
    seed : int
        The seed of the first weights and of the order of the batches.

    Raises
    ------
    featlib.FeatlibError
        If a setting is no number, or out of range.

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

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            self._set(name, checks.whole_number(getattr(self, name), _WHERE, name, low))
        rate, decay = self.learning_rate, self.weight_decay
        self._set("learning_rate", checks.number(rate, _WHERE, "learning_rate", above=True))
        self._set("weight_decay", checks.number(decay, _WHERE, "weight_decay"))

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)  # once, before anyone sees it: as Python's own number

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
    TrainingTrace(2 epochs, loss 0.900, accuracy 0.70)
    """

    epochs: tuple[Epoch, ...]
    recipe: Recipe
    seconds: float

    def __repr__(self) -> str:
        if not self.epochs:
            return "TrainingTrace(no epochs)"
        last = self.epochs[-1]
        return (
            f"TrainingTrace({len(self.epochs)} epochs, loss {loss_text(last.loss)}, "
            f"accuracy {last.accuracy:.2f})"
        )


def train(
    features: torch.Tensor,
    labels: torch.Tensor,
    n_classes: int,
    *,
    validation: tuple[torch.Tensor, torch.Tensor] | None = None,
    progress: bool = False,
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
    progress : bool
        Whether to show a bar when it takes more than two seconds.
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
        If the features, labels or a setting are not as above, or the training diverges until the
        loss is no number. A loss that only grows is marked in the trace.

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
    checks.switch(progress, _WHERE, "progress")
    _check(features, labels, n_classes, validation)
    # Whatever the caller has chosen: training needs gradients, float32, and the CPU.
    gradients, exact = torch.enable_grad(), torch.autocast("cpu", enabled=False)
    with torch.inference_mode(False), gradients, exact, torch.device("cpu"):
        steps = recipe.epochs * -(-len(features) // recipe.batch_size)
        with progress_bar("training", steps, "step", progress) as done:
            return _train(features.detach(), labels, n_classes, validation, recipe, done.update)


def _train(
    features: torch.Tensor,
    labels: torch.Tensor,
    n_classes: int,
    validation: tuple[torch.Tensor, torch.Tensor] | None,
    recipe: Recipe,
    tick: Callable[[int], object],
) -> tuple[nn.Linear, TrainingTrace]:
    started = time.perf_counter()
    mean = features.mean(0)
    scaled = features - mean
    std = scaled.std(correction=0).clamp_min(1e-6)
    if not (checks.all_finite(mean) and checks.all_finite(std)):
        got, fix = f"values up to {features.abs().max():.0e}", "Divide them by their largest value."
        checks.refuse(_WHERE, "features whose std a float32 can hold", got, fix)
    scaled /= std
    held_out = validation and ((validation[0].detach() - mean) / std, validation[1])
    layer = _new_layer(features.shape[1], n_classes, recipe.seed)
    rows = []
    for _ in _passes(layer, scaled, labels, recipe, tick):
        loss, accuracy = _measure(layer, scaled, labels)
        if not isfinite(loss):
            _refuse_diverged(loss, len(rows) + 1, recipe)
        val_accuracy = _measure(layer, *held_out)[1] if held_out else None
        words = observe(rows, loss, accuracy, val_accuracy, n_classes)
        rows.append(Epoch(len(rows) + 1, loss, accuracy, val_accuracy, words))
    _merge(layer, mean, std)
    return layer, TrainingTrace(tuple(rows), recipe, time.perf_counter() - started)


def _refuse_diverged(loss: float, epoch: int, recipe: Recipe) -> NoReturn:
    """Refuse a head that is no use, and name the setting that made it so."""
    # AdamW multiplies weights by 1 − rate × decay in each step; beyond 2, they grow for ever.
    decays = recipe.learning_rate * recipe.weight_decay > 2
    name = "weight_decay" if decays and recipe.learning_rate <= 1 else "learning_rate"
    checks.refuse(
        _WHERE,
        "a training whose loss stays a number",
        f"a training that diverged: loss {loss} in epoch {epoch}, with {name}="
        f"{getattr(recipe, name):g}",
        f"Lower {name}: the default is {getattr(Recipe, name):g}.",
    )


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

    Raises
    ------
    featlib.FeatlibError
        If an argument is not as above.

    Examples
    --------
    >>> from featlib import head
    >>> head.observe([], 1.8, 0.4, 0.4, n_classes=10)
    '4.0 times as many right as by guessing (1 in 10)'
    >>> first = head.Epoch(1, 1.8, 0.4, 0.4, "")
    >>> head.observe([first], 1.2, 0.6, 0.6, n_classes=10)
    'big step: loss falls by 33%'
    """
    _check_numbers(rows, loss, accuracy, val_accuracy, n_classes)
    guessing = log(n_classes)
    if not loss <= _DIVERGED * guessing:  # NaN, too
        return (
            f"diverged: guessing has a loss of {guessing:.1f}, this {loss_text(loss)}; lower the "
            "learning rate or the weight decay"
        )
    if not rows:
        times = accuracy * n_classes
        return f"{times:.1f} times as many right as by guessing (1 in {n_classes})"
    before = rows[-1]
    if max(before.loss, loss) < _LEARNED:
        return "nothing left to learn from these images"
    if not isfinite(before.loss):
        return f"the loss is a number again: {loss_text(loss)}"
    fall = (before.loss - loss) / max(before.loss, _LEARNED)
    if fall < -0.005:  # less shows as 0%
        return f"loss rose by {-fall:.0%}: the learning rate may be too high"
    gap = accuracy - val_accuracy if val_accuracy is not None else 0
    if gap > 0.1 and _stands_still(val_accuracy, before.val_accuracy):
        return (
            f"validation stands still, {100 * gap:.1f} points behind: the head starts to memorize"
        )
    if fall > 0.25:
        return f"big step: loss falls by {fall:.0%}"
    if fall > 0.1:
        return f"steady gain: loss falls by {fall:.0%}"
    return f"leveling off: loss falls by only {max(fall, 0):.0%}"


def logits(
    head: Callable[[torch.Tensor], torch.Tensor],
    features: torch.Tensor,
    n_classes: int | None = None,
    where: str = "head.logits",
) -> torch.Tensor:
    """Run a head on features as it is to be used: in evaluation mode, without gradients.

    Dropout then drops nothing, and BatchNorm learns nothing from what it sees.

    Parameters
    ----------
    head : torch.nn.Module or callable
        Takes features float32 N×D, returns logits N×C. A module gets back the mode that it had,
        each of its parts its own; a function is called as it is.
    features : torch.Tensor
        float32 N×D.
    n_classes : int, optional
        The C that is wanted; left out, any.
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    torch.Tensor
        float32 N×C, all finite.

    Raises
    ------
    featlib.FeatlibError
        If the head cannot take the features, or its answer is not as above.

    Examples
    --------
    >>> import torch
    >>> from featlib import head
    >>> unsure = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(0.5))
    >>> features = torch.ones(3, 4)
    >>> torch.equal(head.logits(unsure, features), head.logits(unsure, features))
    True
    >>> unsure.training
    True
    """
    if not callable(head) or isinstance(head, type):
        fix = "Pass what head.train returned, or a torch.nn.Module of your own."
        checks.refuse(where, "a head, a torch.nn.Module", describe(head), fix)
    checks.features(features, where, width=getattr(head, "in_features", None))
    if n_classes is not None:
        checks.whole_number(n_classes, where, "n_classes")
    if isinstance(head, nn.Module) and isinstance([*head.modules()][-1], nn.Softmax):
        fix = "Leave the softmax out: featlib applies it to the logits."
        checks.refuse(where, "a head that gives logits", "one that ends in nn.Softmax", fix)
    exact = torch.autocast("cpu", enabled=False)
    try:
        with torch.no_grad(), exact, _evaluating(head):
            # Copies, since a head may change what it is given.
            found, again = head(features.clone()), head(features.clone())
    except Exception as error:  # whatever a module of somebody else's raises
        wanted = f"a head that takes features, {describe(features)}"
        fix = "Use the features that it was trained on, and keep it in float32 on the CPU."
        checks.refuse(where, wanted, f"{type(error).__name__}: {reason(error)}", fix)
    width = "C" if n_classes is None else n_classes
    wanted = f"a head with {width} outputs, float32 {len(features)}×{width}"
    plain = isinstance(found, torch.Tensor) and found.layout == torch.strided
    if not plain or not found.is_floating_point() or found.is_meta:
        checks.refuse(where, wanted, describe(found), "Return logits: one number a class.")
    if found.ndim != 2 or len(found) != len(features) or n_classes not in (None, found.shape[1]):
        fix = "Return a row of logits for each row of features."
        fix = fix if n_classes is None else "Name each output in `classes`."
        checks.refuse(where, wanted, describe(found), fix)
    if not checks.all_finite(found):
        bad = int((~found.isfinite()).any(1).sum())
        got = f"NaN or infinite logits for {bad} of {len(found)} rows"
        fix = "This head has diverged: train it again with a lower learning rate."
        checks.refuse(where, wanted + ", all finite", got, fix)
    if not torch.equal(found, again):
        fix = "Use nn.Dropout, not functional.dropout: in evaluation mode it drops nothing."
        checks.refuse(where, "a head that answers the same twice", "two answers", fix)
    return found.float().cpu()


@contextmanager
def _evaluating(head: object) -> Iterator[None]:
    modes = {part: part.training for module in _modules(head) for part in module.modules()}
    for part in modes:
        part.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _modules(head: Any, depth: int = 4) -> list[nn.Module]:
    """Find the modules that a head is, or that a function, a method or an object makes use of."""
    if isinstance(head, nn.Module):
        return [head]
    held = [getattr(head, "__self__", None), *getattr(head, "__dict__", {}).values()]
    if isinstance(head, partial):
        held += [head.func, *head.args, *head.keywords.values()]
    elif isfunction(head):
        seen = getclosurevars(head)
        held += [*seen.nonlocals.values(), *seen.globals.values()]
    elif isinstance(head, (list, tuple)):
        held += head
    elif isinstance(head, dict):
        held += head.values()
    kinds = (nn.Module, partial, FunctionType, MethodType, list, tuple, dict)
    found = (_modules(value, depth - 1) for value in held if depth and isinstance(value, kinds))
    return [module for modules in found for module in modules]


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
    fix = 'Pass them as head.check_settings({"epochs": 5}).'
    checks.instance(settings, Mapping, _WHERE, "settings by their names", fix)
    checks.settings(settings, _WHERE, Recipe.__dataclass_fields__)
    return Recipe(**settings)


def _check_numbers(rows: Any, loss: Any, accuracy: Any, val_accuracy: Any, n_classes: Any) -> None:
    where = "head.observe"
    checks.whole_number(n_classes, where, "n_classes", low=2)
    loss_text(loss)
    checks.number(accuracy, where, "accuracy", high=1)
    checks.number(0 if val_accuracy is None else val_accuracy, where, "val_accuracy", high=1)
    ok = isinstance(rows, Sequence) and all(isinstance(row, Epoch) for row in rows)
    if not ok:
        checks.refuse(where, "the epochs before", describe(rows), "Pass trace.epochs, or ().")


def loss_text(loss: float) -> str:
    """Write a loss as the tables do: with three decimals, or as a power of ten where it is huge.

    Parameters
    ----------
    loss : float
        In nats.

    Returns
    -------
    str

    Raises
    ------
    featlib.FeatlibError
        If it is no number.

    Examples
    --------
    >>> from featlib import head
    >>> head.loss_text(1.8), head.loss_text(3e7)
    ('1.800', '3e+07')
    """
    # A float may be NaN or infinite, which shows as such; anything else has to be a number.
    loss = loss if isinstance(loss, float) else checks.number(loss, "head.loss_text", "loss")
    return f"{loss:.3f}" if loss < 1000 else f"{loss:.0e}"


def _stands_still(now: float | None, before: float | None) -> bool:
    return now is not None and before is not None and now <= before


def _check(
    features: torch.Tensor,
    labels: torch.Tensor,
    n_classes: int,
    validation: tuple[torch.Tensor, torch.Tensor] | None,
) -> None:
    if checks.whole_number(n_classes, _WHERE, "n_classes", low=2) > _MOST_CLASSES:
        checks.whole_number(n_classes, _WHERE, "n_classes", 2, _MOST_CLASSES)
    checks.features(features, _WHERE)
    checks.labels(labels, _WHERE, len(features), n_classes)
    if validation is not None:
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            wanted = "validation as two tensors, (features, labels)"
            checks.refuse(_WHERE, wanted, describe(validation), "Leave it out if you have none.")
        checks.features(validation[0], "head.train, validation", width=features.shape[1])
        checks.labels(validation[1], "head.train, validation", len(validation[0]), n_classes)


def _new_layer(width: int, n_classes: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % _SEEDS)
        return nn.Linear(width, n_classes, dtype=torch.float32)


def _passes(
    layer: nn.Linear,
    features: torch.Tensor,
    labels: torch.Tensor,
    recipe: Recipe,
    tick: Callable[[int], object],
) -> Iterator[None]:
    """Train epoch by epoch, and stop after each so that the caller can measure."""
    parameters: list[torch.Tensor] = list(layer.parameters())
    step = _adamw(parameters, recipe)
    order = torch.Generator().manual_seed(recipe.seed % _SEEDS)
    batch_size = min(recipe.batch_size, len(features))
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(features), generator=order).split(batch_size):
            loss = cross_entropy(layer(features[rows]), labels[rows])
            step(torch.autograd.grad(loss, parameters))
            tick(1)
        yield


def _adamw(
    parameters: list[torch.Tensor], recipe: Recipe
) -> Callable[[Sequence[torch.Tensor]], None]:
    """Return a function that takes gradients and moves the parameters, as torch.optim.AdamW does.

    It calls the function that does the work of that class. Creating an object of the class imports
    PyTorch's compiler, which takes longer than the whole training.
    """
    means, squares = ([torch.zeros_like(p) for p in parameters] for _ in range(2))
    steps = [torch.zeros((), dtype=torch.float32) for _ in parameters]

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
