"""The three records of a lesson: data flow, training, and one prediction.

Each is plain data first. `Table` shows it as text in a terminal and as HTML in a notebook.
"""

from dataclasses import dataclass

import torch

from featlib import checks, preprocess
from featlib.engine.words import describe, dtype_name, shape_text
from featlib.head import Epoch
from featlib.tables import Table

# The trace that the lesson is measured against; our own must end at or above its last row.
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
        What goes in and comes out; `in_shape` is None for files on disk.
    in_dtype, out_dtype : str
        For example ``uint8``.
    does : str
        What the stage does.
    example : str
        A few of the values that come out.
    seconds : float
        Time taken.
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


@dataclass(frozen=True)
class Layer:
    """One of the four layers of a prediction.

    Attributes
    ----------
    name : str
        The layer's name.
    values : torch.Tensor
        What it gives to the next layer, for one image.
    says : str
        The values worth seeing.
    """

    name: str
    values: torch.Tensor
    says: str


@dataclass(frozen=True, repr=False)
class PredictionTrace:
    """One image on its way through the four layers.

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
    def probabilities(self):
        """float32 C: the probability of each class."""
        return self.layers[-1].values

    def table(self):
        """Return the four layers as a table.

        Returns
        -------
        Table
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

    def __repr__(self):
        return repr(self.table())

    def _repr_html_(self):
        return self.table()._repr_html_()


def predict(image, backbone, head, classes, *, truth=None):
    """Follow one image through the four layers of a prediction.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.
    backbone : featlib.backbone.Backbone
        Layer 2.
    head, classes, truth
        As for `predict_from_features`.

    Returns
    -------
    PredictionTrace

    Raises
    ------
    featlib.FeatlibError
        If the image is not uint8 3×H×W.
    """
    _check_image(image)
    features = backbone(preprocess.prepare(image[None], backbone.transform))[0]
    return predict_from_features(image, features, head, classes, truth=truth)


def predict_from_features(image, features, head, classes, *, truth=None):
    """Follow one image, whose features were extracted before, through the layers after them.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.
    features : torch.Tensor
        float32 D: what layer 2 made of it.
    head : torch.nn.Module
        Layer 3: features to logits.
    classes : sequence of str
        The name of each class number.
    truth : str, optional
        The right class.

    Returns
    -------
    PredictionTrace

    Raises
    ------
    featlib.FeatlibError
        If the image is not uint8 3×H×W.
    """
    _check_image(image)
    classes = checks.classes(classes, "trace.predict")
    with torch.no_grad():
        logits = head(features)
    probabilities = logits.softmax(0)
    names = [f"#{i}" for i in range(len(features))]
    layers = (
        Layer("input image", image, _range(image)),
        Layer("feature extractor", features, f"strongest: {_top(names, features, '.2f')}"),
        Layer("linear layer", logits, f"highest: {_top(classes, logits, '+.2f')}"),
        Layer("softmax", probabilities, f"highest: {_top(classes, probabilities, '.3f')}"),
    )
    return PredictionTrace(layers, classes, classes[probabilities.argmax()], truth)


def data_flow_table(stages, *, seconds=True):
    """Show the five stages as a table.

    Parameters
    ----------
    stages : sequence of Stage
        The rows.
    seconds : bool
        Whether to show the time, which is another on every machine.

    Returns
    -------
    Table
    """
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


def training_table(trace):
    """Show a training as a table: a row an epoch.

    Parameters
    ----------
    trace : featlib.head.TrainingTrace
        From `head.train`.

    Returns
    -------
    Table
    """
    rows = tuple(
        (
            str(row.epoch),
            f"{row.loss:.2f}",
            f"{row.accuracy:.3f}",
            "–" if row.val_accuracy is None else f"{row.val_accuracy:.3f}",
            row.observation,
        )
        for row in trace.epochs
    )
    columns = (">epoch", ">loss", ">accuracy", ">validation accuracy", "observation")
    return Table("Training trace", columns, rows)


def training_chart(trace, width=16):
    """Draw a training as bars of text, beside the reference trace.

    Parameters
    ----------
    trace : featlib.head.TrainingTrace
        From `head.train`.
    width : int
        The longest bar, in characters.

    Returns
    -------
    Table
    """
    highest = max(row.loss for row in (*trace.epochs, *REFERENCE))
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
    columns = (">epoch", "loss, this run", "loss, reference")
    columns += ("accuracy, this run", "accuracy, reference")
    return Table("Training chart: this run beside the reference trace", columns, tuple(rows))


def probability_chart(prediction, n=5, width=24):
    """Draw the highest probabilities of a prediction as bars of text.

    Parameters
    ----------
    prediction : PredictionTrace
        From `predict`.
    n : int
        How many classes.
    width : int
        The longest bar, in characters.

    Returns
    -------
    Table
    """
    order = prediction.probabilities.argsort(descending=True)[:n].tolist()
    rows = tuple(
        (prediction.classes[k], _bar(float(prediction.probabilities[k]), 1, width)) for k in order
    )
    return Table("Softmax: how sure the head is", ("class", "probability"), rows)


def _bar(value, highest, width):
    if value is None:
        return "–"
    return f"{value:.2f} " + "█" * round(width * value / highest)


def _shape(shape, dtype):
    return dtype if shape is None else f"{dtype} {shape_text(shape)}"


def _check_image(image):
    if getattr(image, "ndim", None) != 3:
        got = describe(image)
        checks.refuse("trace.predict", "one image, uint8 3×H×W", got, "Pass one row: pixels[i].")


def _range(image):
    return f"from {image.min()} to {image.max()}, mean {image.float().mean():.0f}"


def _top(names, values, form, n=3):
    order = values.argsort(descending=True)[:n].tolist()
    return ", ".join(f"{names[i]} {values[i].item():{form}}" for i in order)
