"""The live lab: every change of a slider retrains the head and redraws its training trace."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, ClassVar

import torch

from featlib import checks, features, head, images, preprocess, trace
from featlib.engine.words import describe
from featlib.images import ImageSet
from featlib.weights import read_weights
from featlib.widgets.base import Widget, script

__all__ = ["DEFAULTS", "DIVERGED", "LabWidget", "show_lab"]

DEFAULTS: dict[str, Any] = {
    "features": "pretrained",
    "learning_rate": 0.002,
    "epochs": 5,
    "per_class": 80,
    "weight_decay": 0.01,
}
_MOST_EPOCHS = 1000  # some seconds; nobody waits longer for a slider
DIVERGED = (
    "The training diverged: its loss is no number any more, so there is no curve. "
    "Lower the learning rate or the weight decay."
)
_LIKE = 'Pass {"epochs": 10}, for example.'


class LabWidget(Widget):
    """Sliders, and the training trace that they lead to.

    Parameters
    ----------
    images : featlib.images.ImageSet
        Labels, classes and split.
    inputs : dict of str to torch.Tensor
        What the head can be trained on: a name and float32 N×D each.

    Attributes
    ----------
    images, inputs
        As passed.
    training : featlib.head.TrainingTrace
        The run that is shown.
    layer : torch.nn.Linear
        Its head.
    values : dict of str to float
        What can be read of the run that is shown, for a quiz that asks for it. A run that diverged
        has none: that is a FeatlibError.
    view : dict
        What the front end shows.

    Raises
    ------
    featlib.FeatlibError
        If the inputs are not features of the images.
    """

    _esm = script("lab")
    _invitation = "Run this cell to move the sliders."
    _messages: ClassVar = {"settings": {"settings": dict}}

    training: head.TrainingTrace
    layer: torch.nn.Linear

    def __init__(self, images: ImageSet, inputs: Mapping[str, torch.Tensor]) -> None:
        _check(images, inputs)
        self.images = images
        self.inputs = inputs
        counts = images.labels[images.train].bincount()
        self._most = int(counts[counts > 0].min())  # of emoji3d no image is a flag
        self._start = DEFAULTS | {"per_class": self._most, "features": next(iter(inputs))}
        super().__init__()
        self.retrain(self._start)

    def retrain(self, settings: dict[str, Any], *, sent: str | None = None) -> None:
        """Train a new head and show it beside the one before.

        A training that diverges until its loss is no number is shown without a curve; `training`
        and `layer` stay those of the run before it.

        Parameters
        ----------
        settings : dict
            With keys of `DEFAULTS`; what is left out stays as it is.
        sent : str, optional
            The mark of the message that asks for it, by which the front end knows the reply.

        Raises
        ------
        featlib.FeatlibError
            If a setting is unknown or out of range.
        """
        checks.instance(settings, dict, "LabWidget", "settings in a dict", _LIKE)
        checks.settings(settings, "LabWidget", DEFAULTS)
        settings = self.view.get("settings", {}) | settings
        checks.one_of(settings["features"], "LabWidget", "features", list(self.inputs))
        checks.whole_number(settings["epochs"], "LabWidget", "epochs", high=_MOST_EPOCHS)
        recipe = {name: settings[name] for name in ("epochs", "learning_rate", "weight_decay")}
        head.check_settings(recipe)
        rows = self.inputs[settings["features"]]
        train, unseen = self._first(settings["per_class"]), self.images.validation
        labels = self.images.labels
        run, words = _numbers(()), DIVERGED
        try:
            self.layer, self.training = head.train(
                rows[train],
                labels[train],
                len(self.images.classes),
                validation=(rows[unseen], labels[unseen]),
                **recipe,
            )
        except checks.FeatlibError:  # the settings are right, so their effect is not
            if not self.view:  # the first run: what is wrong are the features
                raise
        else:
            self._trained_on = len(train)
            run = _numbers(self.training.epochs)
            words = self._words(len(train), settings["features"])
        self.view = {
            "inputs": list(self.inputs),
            "most": self._most,
            "start": self._start,
            "settings": dict(settings),
            "run": run,
            "before": self._before(),
            "textbook": _numbers(trace.REFERENCE),
            "words": words,
            "sent": sent,
        }

    @property
    def values(self) -> dict[str, float]:
        """Return what can be read of the run that is shown, for a quiz that asks for it."""
        if not self.view["run"]["loss"]:
            fix = "Lower the learning rate or the weight decay first."
            checks.refuse("LabWidget.values", "a run with a curve", "one that diverged", fix)
        last = self.training.epochs[-1]
        assert last.val_accuracy is not None  # each run here has unseen images
        shares = {"training": last.accuracy, "validation": last.val_accuracy}
        sizes = {"training": self._trained_on, "validation": len(self.images.validation)}
        gap = 100 * (shares["training"] - shares["validation"])
        right = {f"right_in_{part}": shares[part] * sizes[part] for part in sizes}
        wrong = {f"wrong_in_{part}": (1 - shares[part]) * sizes[part] for part in sizes}
        return {"gap_points": gap, **right, **wrong}

    def _before(self) -> dict[str, list[float | None]] | None:
        """Return the run before: the last one that has a curve."""
        last = self.view.get("run")
        return last if last is None or last["loss"] else self.view["before"]

    def _first(self, per_class: int) -> torch.Tensor:
        """Return the first training images of each class, in the order of all."""
        checks.whole_number(per_class, "LabWidget", "per_class", low=1)
        labels, train = self.images.labels, self.images.train
        parts = [train[labels[train] == c][:per_class] for c in range(len(self.images.classes))]
        return train[torch.isin(train, torch.cat(parts))]

    def _words(self, n: int, features: str) -> str:
        last = self.training.epochs[-1]
        return (
            f"{n} images of {len(self.images.classes)} classes, {features}: "
            f"loss {head.loss_text(last.loss)}, training accuracy {last.accuracy:.3f}, "
            f"validation accuracy {last.val_accuracy:.3f}. {last.observation.capitalize()}."
        )

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        self.retrain(fields["settings"], sent=mark)
        return ""

    def plain(self) -> tuple[str, str]:
        """Return the run that is shown as text and as HTML.

        Returns
        -------
        text, html : str
        """
        table = trace.training_table(self.training)
        return repr(table), table._repr_html_()


def _numbers(rows: Sequence[head.Epoch]) -> dict[str, list[float | None]]:
    return {
        "loss": [row.loss if isfinite(row.loss) else None for row in rows],  # JSON has no NaN
        "accuracy": [row.accuracy for row in rows],
        "val_accuracy": [row.val_accuracy for row in rows if row.val_accuracy is not None],
    }


def show_lab(pictures: ImageSet | None = None) -> LabWidget:
    """Show the live lab, as the last line of a cell.

    Parameters
    ----------
    pictures : featlib.images.ImageSet, optional
        The bundled ones if left out.

    Returns
    -------
    LabWidget

    Raises
    ------
    featlib.FeatlibError
        If they are no image set.
    """
    pictures = images.load("emoji10") if pictures is None else _image_set(pictures, "show_lab")
    # A quarter of the pixels: as good for a linear layer, and four times as fast to train on.
    small = torch.nn.functional.avg_pool2d(preprocess.scale(pictures.pixels), 2)
    inputs = {
        "pretrained": features.extract(pictures, read_weights()),
        "untrained": features.extract(pictures, read_weights("untrained")),
        "raw pixels": small.flatten(1),
    }
    return LabWidget(pictures, inputs)


def _image_set(value: object, where: str) -> ImageSet:
    fix = "images.load() and images.from_folder(path) return one."
    return checks.instance(value, ImageSet, where, "an ImageSet", fix)


def _check(pictures: object, inputs: Mapping[str, torch.Tensor]) -> None:
    n = len(_image_set(pictures, "LabWidget"))
    wanted, fix = "features by their names, in a dict", 'Pass {"pretrained": rows}, for example.'
    if not isinstance(inputs, Mapping) or not inputs:
        checks.refuse("LabWidget", wanted, describe(inputs), fix)
    for name, rows in inputs.items():
        where = f"LabWidget, input {name!r}"
        checks.features(rows, where)
        if len(rows) != n:
            fix = "Pass one row an image, in the order of the images."
            checks.refuse(where, f"features of all {n} images", describe(rows), fix)
