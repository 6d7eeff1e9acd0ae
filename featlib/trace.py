"""The three records of a lesson: data flow, training, and one prediction.

Each is plain data first. `Table` shows it as text in a terminal and as HTML in a notebook.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

import torch

from featlib import checks, preprocess
from featlib import head as heads
from featlib.backbone import Backbone
from featlib.engine.words import describe, dtype_name, shape_text
from featlib.head import Epoch, TrainingTrace, loss_text
from featlib.tables import Table

__all__ = [
    "REFERENCE",
    "Layer",
    "PredictionTrace",
    "Stage",
    "data_flow_table",
    "predict",
    "predict_from_features",
    "probability_chart",
    "training_chart",
    "training_table",
]

_WIDEST = 1000  # characters of a bar

# The textbook trace, of the page that the lesson grew out of: our own must end at or above its last
# row. It is typed in; every other number of the lesson is measured.
REFERENCE = tuple(
    Epoch(epoch, loss, accuracy, None, "")
    for epoch, loss, accuracy in zip(
        range(1, 6), (1.8, 1.2, 0.9, 0.7, 0.6), (0.40, 0.60, 0.72, 0.80, 0.83), strict=True
    )
)


@dataclass(frozen=True)
class Stage:
    """One row of the data-flow table.

    Attributes
    ----------
    stage : int
        1 to 5.
    name : str
        The stage's name.
    in_shape, out_shape : tuple of int
        What goes in and what comes out; `in_shape` is None for files on disk.
    in_dtype, out_dtype : str
        For example ``uint8``; for files on disk the words for them.
    does : str
        What the stage does.
    example : str
        A few of the values that come out.
    seconds : float
        Time taken, in seconds.
    """

    stage: int
    name: str
    in_shape: tuple[int, ...] | None
    in_dtype: str
    does: str
    out_shape: tuple[int, ...]
    out_dtype: str
    example: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Layer:
    """One of the four layers of a prediction.

    Attributes
    ----------
    name : str
        The layer's name.
    values : torch.Tensor
        What it gives to the next layer, for one image: uint8 3×H×W, float32 D, or float32 C.
    says : str
        The most interesting of the values, in words.
    """

    name: str
    values: torch.Tensor
    says: str


@dataclass(frozen=True, repr=False, eq=False)
class PredictionTrace:
    """One image on its way through the four layers. Each trace equals itself alone.

    Attributes
    ----------
    layers : tuple of Layer
        Input image, feature extractor, linear layer, softmax.
    classes : tuple of str
        The name of each class number.
    label : str
        The class with the highest probability.
    truth : str or None
        The right class, where it is known.
    """

    layers: tuple[Layer, ...]
    classes: tuple[str, ...]
    label: str
    truth: str | None = None

    @property
    def probabilities(self) -> torch.Tensor:
        """torch.Tensor: float32 C, the probability of each class; they sum to 1."""
        return self.layers[-1].values

    def table(self) -> Table:
        """Return the four layers as a table.

        Returns
        -------
        featlib.tables.Table
            A row for each layer.
        """
        rows = (
            (
                str(i),
                layer.name,
                _shape(layer.values.shape, dtype_name(layer.values)),
                layer.says,
            )
            for i, layer in enumerate(self.layers, 1)
        )
        truth = f", in truth {self.truth}" if self.truth else ""
        title = f"Prediction trace: one image, four layers: {self.label}{truth}"
        return Table(title, (">#", "layer", "shape and dtype", "values"), tuple(rows))

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def predict(
    image: torch.Tensor,
    backbone: Backbone,
    head: Callable[[torch.Tensor], torch.Tensor],
    classes: Sequence[str],
    *,
    truth: str | None = None,
) -> PredictionTrace:
    """Follow one image through the four layers of a prediction.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W, values 0–255.
    backbone : featlib.backbone.Backbone
        Layer 2: image to D features.
    head, classes, truth
        As for `predict_from_features`.

    Returns
    -------
    PredictionTrace
        What each layer made of the image.

    Raises
    ------
    featlib.FeatlibError
        If the image is not uint8 3×H×W, the backbone is none, or the rest is not as for
        `predict_from_features`.

    Examples
    --------
    >>> import torch
    >>> from featlib import backbone, trace
    >>> image = torch.zeros(3, 64, 64, dtype=torch.uint8)
    >>> head = torch.nn.Linear(512, 2)
    >>> traced = trace.predict(image, backbone.resnet18(), head, ["cat", "dog"])
    >>> [tuple(layer.values.shape) for layer in traced.layers]
    [(3, 64, 64), (512,), (2,), (2,)]
    >>> round(traced.probabilities.sum().item(), 4)
    1.0
    """
    checks.image(image, "trace.predict")
    fix = "Make one: backbone.resnet18()."
    checks.instance(backbone, Backbone, "trace.predict", "a featlib Backbone", fix)
    features = backbone(preprocess.prepare(image[None], backbone.transform))[0]
    return predict_from_features(image, features, head, classes, truth=truth)


def predict_from_features(
    image: torch.Tensor,
    features: torch.Tensor,
    head: Callable[[torch.Tensor], torch.Tensor],
    classes: Sequence[str],
    *,
    truth: str | None = None,
) -> PredictionTrace:
    """Follow one image through the four layers, with features that were extracted before.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W, values 0–255.
    features : torch.Tensor
        float32 D: what layer 2 made of it.
    head : torch.nn.Module or callable
        Layer 3: D features to C logits. It is run in evaluation mode, and gets back the mode that
        it had.
    classes : sequence of str
        The name of each class number, C of them.
    truth : str, optional
        The right class, one of `classes`, where it is known.

    Returns
    -------
    PredictionTrace
        What each layer made of the image.

    Raises
    ------
    featlib.FeatlibError
        If the image is not uint8 3×H×W, there are fewer than two different classes, the truth is
        none of them, or these, the features and the head do not fit together.

    Examples
    --------
    >>> import torch
    >>> from featlib import trace
    >>> image, features = torch.zeros(3, 8, 8, dtype=torch.uint8), torch.tensor([2.0, 1.0])
    >>> head = torch.nn.Linear(2, 2)
    >>> head.weight.data, head.bias.data = torch.eye(2), torch.zeros(2)  # logits = features
    >>> traced = trace.predict_from_features(image, features, head, ["cat", "dog"], truth="cat")
    >>> traced.label, [round(p, 3) for p in traced.probabilities.tolist()]
    ('cat', [0.731, 0.269])
    """
    checks.image(image, "trace.predict")
    classes = checks.classes(classes, "trace.predict")
    if truth is not None and (not isinstance(truth, str) or truth not in classes):
        wanted = f"truth as text, the name of one of the {len(classes)} classes"
        fix = f"Pass a name such as {classes[0][:40]!r}, or leave truth out."
        checks.refuse("trace.predict", wanted, describe(truth), fix)
    checks.feature_row(features, "trace.predict", getattr(head, "in_features", None))
    features = features.detach()
    logits = heads.logits(head, features[None], len(classes), "trace.predict")[0]
    probabilities = logits.softmax(0)
    names = [f"#{i}" for i in range(len(features))]
    layers = (
        Layer("input image", image, _range(image)),
        Layer("feature extractor", features, f"strongest: {_top(names, features, '.2f')}"),
        Layer("linear layer", logits, f"highest: {_top(classes, logits, '+.2f')}"),
        Layer("softmax", probabilities, f"highest: {_top(classes, probabilities, '.3f')}"),
    )
    return PredictionTrace(layers, classes, classes[probabilities.argmax()], truth)


def data_flow_table(stages: Sequence[Stage], *, seconds: bool = True) -> Table:
    """Show the five stages as a table.

    Parameters
    ----------
    stages : sequence of Stage
        The rows.
    seconds : bool
        Whether to show the time, which differs from machine to machine.

    Returns
    -------
    featlib.tables.Table
        A row for each stage.

    Raises
    ------
    featlib.FeatlibError
        If these are no stages.

    Examples
    --------
    >>> from featlib import trace
    >>> shape = (10, 3, 64, 64)
    >>> stage = trace.Stage(2, "scale", shape, "uint8", "÷ 255", shape, "float32", "0.50", 0.01)
    >>> trace.data_flow_table([stage], seconds=False).rows
    (('2', 'scale', 'uint8 10×3×64×64', '÷ 255', 'float32 10×3×64×64', '0.50'),)
    """
    _check_stages(stages)
    seconds = checks.switch(seconds, "trace.data_flow_table", "seconds")
    columns = (">#", "stage", "in", "what is done", "out", "example")
    rows = [
        (
            str(s.stage),
            s.name,
            _shape(s.in_shape, s.in_dtype),
            s.does,
            _shape(s.out_shape, s.out_dtype),
            s.example,
        )
        for s in stages
    ]
    if seconds:
        columns += (">seconds",)
        rows = [(*row, f"{s.seconds:.2f}") for row, s in zip(rows, stages, strict=True)]
    return Table("Data flow: five stages", columns, tuple(rows))


def training_table(trace: TrainingTrace) -> Table:
    """Show a training as a table.

    Parameters
    ----------
    trace : featlib.head.TrainingTrace
        From `head.train`.

    Returns
    -------
    featlib.tables.Table
        A row for each epoch.

    Raises
    ------
    featlib.FeatlibError
        If this is no training trace.

    Examples
    --------
    >>> from featlib import head, trace
    >>> epoch = head.Epoch(1, 1.5, 0.5, 0.45, "a good start")
    >>> training = head.TrainingTrace((epoch,), head.Recipe(epochs=1), seconds=0.1)
    >>> trace.training_table(training).rows
    (('1', '1.500', '0.500', '0.450', 'a good start'),)
    """
    _check_training(trace, "trace.training_table")
    rows = tuple(
        (
            str(row.epoch),
            loss_text(row.loss),
            f"{row.accuracy:.3f}",
            "–" if row.val_accuracy is None else f"{row.val_accuracy:.3f}",
            row.observation,
        )
        for row in trace.epochs
    )
    columns = (">epoch", ">loss", ">accuracy", ">validation accuracy", "observation")
    return Table("Training trace", columns, rows)


def training_chart(trace: TrainingTrace, width: int = 16) -> Table:
    """Draw a training as bars of text, beside the textbook trace, `REFERENCE`.

    Parameters
    ----------
    trace : featlib.head.TrainingTrace
        From `head.train`.
    width : int
        The longest bar, in characters.

    Returns
    -------
    featlib.tables.Table
        A row for each epoch.

    Raises
    ------
    featlib.FeatlibError
        If this is no training trace, or the width is not from 1 to 1000.

    Examples
    --------
    >>> from featlib import head, trace
    >>> epoch = head.Epoch(1, 0.9, 0.8, None, "")
    >>> training = head.TrainingTrace((epoch,), head.Recipe(epochs=1), seconds=0.1)
    >>> trace.training_chart(training, width=4).rows  # the textbook begins with 1.8 and 0.4
    (('1', '0.900 ██', '1.800 ████', '0.800 ███', '0.400 ██'),)
    """
    _check_training(trace, "trace.training_chart")
    width = checks.whole_number(width, "trace.training_chart", "width", high=_WIDEST)
    highest = max(row.loss for row in (*trace.epochs, *REFERENCE) if isfinite(row.loss))
    rows = []
    for i, row in enumerate(trace.epochs):
        reference = REFERENCE[i] if i < len(REFERENCE) else None
        rows.append(
            (
                str(row.epoch),
                _bar(row.loss, highest, width),
                _bar(reference and reference.loss, highest, width),
                _bar(row.accuracy, 1, width),
                _bar(reference and reference.accuracy, 1, width),
            )
        )
    columns = (">epoch", "loss, this run", "loss, textbook")
    columns += ("accuracy, this run", "accuracy, textbook")
    title = "Training chart (textbook: of the page that this lesson grew out of)"
    return Table(title, columns, tuple(rows))


def probability_chart(prediction: PredictionTrace, n: int = 5, width: int = 24) -> Table:
    """Draw the highest probabilities of a prediction as bars of text.

    Parameters
    ----------
    prediction : PredictionTrace
        From `predict`.
    n : int
        How many classes.
    width : int
        The bar of probability 1, in characters.

    Returns
    -------
    featlib.tables.Table
        A row for each class, the most probable first.

    Raises
    ------
    featlib.FeatlibError
        If this is no prediction trace, `n` is below 1, or the width is not from 1 to 1000.

    Examples
    --------
    >>> import torch
    >>> from featlib import trace
    >>> softmax = trace.Layer("softmax", torch.tensor([0.25, 0.75]), "")
    >>> prediction = trace.PredictionTrace((softmax,), ("cat", "dog"), "dog")
    >>> trace.probability_chart(prediction, n=2, width=8).rows
    (('dog', '0.750 ██████'), ('cat', '0.250 ██'))
    """
    where, fix = "trace.probability_chart", "Make one: trace.predict."
    checks.instance(prediction, PredictionTrace, where, "a PredictionTrace", fix)
    n = checks.whole_number(n, where, "n")
    width = checks.whole_number(width, where, "width", high=_WIDEST)
    order = prediction.probabilities.argsort(descending=True)[:n].tolist()
    rows = tuple(
        (prediction.classes[k], _bar(float(prediction.probabilities[k]), 1, width)) for k in order
    )
    return Table("Softmax: how sure the head is", ("class", "probability"), rows)


def _bar(value: float | None, highest: float, width: int) -> str:
    if value is None:
        return "–"
    return f"{loss_text(value)} " + "█" * (round(width * value / highest) if isfinite(value) else 0)


def _shape(shape: tuple[int, ...] | None, dtype: str) -> str:
    return dtype if shape is None else f"{dtype} {shape_text(shape)}"


def _check_training(trace: TrainingTrace, where: str) -> None:
    fix = "Take what head.train returned second, or lesson.training."
    checks.instance(trace, TrainingTrace, where, "a TrainingTrace", fix)


def _check_stages(stages: Sequence[Stage]) -> None:
    if not isinstance(stages, Sequence) or not all(isinstance(stage, Stage) for stage in stages):
        where, wanted = "trace.data_flow_table", "a sequence of trace.Stage"
        checks.refuse(where, wanted, describe(stages), "Pass lesson.data_flow.")


def _range(image: torch.Tensor) -> str:
    return f"from {image.min()} to {image.max()}, mean {image.float().mean():.0f}"


def _top(names: Sequence[str], values: torch.Tensor, form: str, n: int = 3) -> str:
    order = values.argsort(descending=True)[:n].tolist()
    return ", ".join(f"{names[i]} {values[i].item():{form}}" for i in order)
