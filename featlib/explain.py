"""Why one prediction is as it is: what each feature adds, and what each part of the image does."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import torch
from torch import nn

from featlib import checks, preprocess
from featlib import head as heads
from featlib.backbone import Backbone
from featlib.engine.thumbnails import thumbnail
from featlib.engine.words import printable
from featlib.images import ImageSet
from featlib.trace import PredictionTrace

__all__ = ["ClassEvidence", "Evidence", "FeatureEvidence", "contributions", "evidence", "occlusion"]

_BATCH = 64  # covered copies of an image that are in memory together
_HEAD = "Take what head.train returned first, or lesson.head."
_MOST = 20  # of anything that is shown


@dataclass(frozen=True)
class FeatureEvidence:
    """What one feature adds to a logit, and where it is highest.

    Attributes
    ----------
    number : int
        The feature, from 0 to D - 1.
    value, mean : float
        Its value in this image, and its mean over the training images.
    weight : float
        The head's weight from this feature to the class.
    adds : float
        (value - mean) × weight.
    rows : tuple of int
        The training images in which it is highest, the highest first.
    """

    number: int
    value: float
    mean: float
    weight: float
    adds: float
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ClassEvidence:
    """What the probability of one class is made of.

    Attributes
    ----------
    name : str
        The class.
    probability, logit : float
        What softmax and the linear layer gave it.
    mean_logit : float
        The logit of the mean training features.
    features : tuple of FeatureEvidence
        Those that add or take away most, the largest first.
    rest : float
        What all other features add together: `mean_logit`, what these features add, and `rest` sum
        to the logit.
    """

    name: str
    probability: float
    logit: float
    mean_logit: float
    features: tuple[FeatureEvidence, ...]
    rest: float


@dataclass(frozen=True, repr=False, eq=False)
class Evidence:
    """A prediction followed backwards, down to the training pictures.

    In a notebook, each line unfolds what it is made of, by mouse or keyboard. No kernel is needed.

    Attributes
    ----------
    prediction : featlib.trace.PredictionTrace
        What is explained.
    classes : tuple of ClassEvidence
        The most probable classes, the most probable first.
    images : featlib.images.ImageSet
        Where the rows of `FeatureEvidence` lead.
    """

    prediction: PredictionTrace
    classes: tuple[ClassEvidence, ...]
    images: ImageSet

    def __repr__(self) -> str:
        lines = []
        for found in self.classes:
            lines += [self._probability(found), "  " + self._logit(found)]
            for part in found.features:
                shown = ", ".join(self._class_of(row) for row in part.rows)
                lines.append(f"    {_feature(part)}; highest in: {shown}")
            lines.append("    " + self._rest(found))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        image, said = self.prediction.layers[0].values, escape(printable(self.prediction.label))
        parts = "".join(map(self._class_html, self.classes))
        # JupyterLab would take the keys that unfold a line for commands of its own.
        return (
            '<div class="tex2jax_ignore mathjax_ignore" data-lm-suppress-shortcuts="true">'
            '<p><img alt="the picture" style="vertical-align:middle" '
            f'src="{thumbnail(image, 64)}"> '
            f"The head says <strong>{said}</strong>. Unfold a line to see what it is made of.</p>"
            f"{parts}</div>"
        )

    def _class_html(self, found: ClassEvidence) -> str:
        features = "".join(map(self._feature_html, found.features))
        logit = _fold(self._logit(found), f"{features}<p>{escape(self._rest(found))}</p>")
        return _fold(self._probability(found), logit)

    def _feature_html(self, part: FeatureEvidence) -> str:
        cells = "".join(map(self._picture_html, part.rows))
        row = f"<table><tbody><tr>{cells}</tr></tbody></table>"
        return _fold(_feature(part), f"<p>The training pictures in which it is highest:</p>{row}")

    def _picture_html(self, row: int) -> str:
        address, caption = thumbnail(self.images.pixels[row]), self.images.captions[row]
        picture = f'<img alt="{escape(printable(caption))}" src="{address}">'
        name = escape(self._class_of(row))
        return f'<td style="text-align:center">{picture}<br>{name}</td>'

    def _class_of(self, row: int) -> str:
        return printable(self.images.classes[int(self.images.labels[row])])

    def _probability(self, found: ClassEvidence) -> str:
        total = self.prediction.layers[2].values.double().exp().sum().item()
        four_digits = f"{float(f'{total:.4g}'):,.15g}"
        share = f"e^{found.logit:.3f} ÷ {four_digits}, the sum of e^logit over all classes"
        return f"{printable(found.name)}: probability {found.probability:.3f} ≈ {share}"

    def _logit(self, found: ClassEvidence) -> str:
        apart = found.logit - found.mean_logit
        mean = f"{found.mean_logit:+.2f} of the mean training picture"
        return f"logit {found.logit:+.2f} ≈ {mean} {apart:+.2f} of what sets this picture apart"

    def _rest(self, found: ClassEvidence) -> str:
        others = len(self.prediction.layers[1].values) - len(found.features)
        return f"all other features ({others:,}) add {found.rest:+.2f}"


def _feature(part: FeatureEvidence) -> str:
    apart = f"({part.value:.2f} here - {part.mean:.2f} on average) × weight {part.weight:+.3f}"
    return f"feature {part.number} adds {part.adds:+.2f} ≈ {apart}"


def _fold(line: str, inside: str) -> str:
    folded = f'<div style="padding-left:1.5em">{inside}</div>'
    return f"<details><summary>{escape(line)}</summary>{folded}</details>"


def evidence(
    prediction: PredictionTrace,
    head: nn.Linear,
    images: ImageSet,
    features: torch.Tensor,
    *,
    classes: int = 2,
    parts: int = 4,
    pictures: int = 6,
) -> Evidence:
    """Follow a prediction backwards: probability, logit, features, training pictures.

    Each feature is compared with its mean over the training images, as in `contributions`. What a
    feature stands for is shown by the training images in which it is highest (Zhou et al. 2015,
    arXiv:1412.6856).

    Parameters
    ----------
    prediction : featlib.trace.PredictionTrace
        From `trace.predict`, of any image.
    head : torch.nn.Linear
        The head that made it: D features to C logits.
    images : featlib.images.ImageSet
        With the images that the head was trained on.
    features : torch.Tensor
        float32 N×D: those of all N images of the set.
    classes, parts, pictures : int
        How many classes are explained, by how many features each, with how many training pictures
        each; from 1 to 20, and at most as many as there are.

    Returns
    -------
    Evidence
        In a notebook it can be unfolded; as text it is a tree of lines.

    Raises
    ------
    featlib.FeatlibError
        If prediction, head, images and features do not fit together, or a number is not from 1 to
        20.

    Examples
    --------
    >>> import torch
    >>> from featlib import explain, images, trace
    >>> pixels = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    >>> pets = images.from_arrays(pixels, [0, 0, 1, 1], ["cat", "dog"], validation=[0, 2])
    >>> rows = torch.tensor([[2.0, 0], [3, 1], [0, 2], [1, 3]])
    >>> head = torch.nn.Linear(2, 2)
    >>> head.weight.data, head.bias.data = torch.eye(2), torch.zeros(2)  # logits = features
    >>> prediction = trace.predict_from_features(pixels[0], rows[0], head, pets.classes)
    >>> explain.evidence(prediction, head, pets, rows, classes=1, parts=1, pictures=1)
    cat: probability 0.881 ≈ e^2.000 ÷ 8.389, the sum of e^logit over all classes
      logit +2.00 ≈ +2.00 of the mean training picture +0.00 of what sets this picture apart
        feature 0 adds +0.00 ≈ (2.00 here - 2.00 on average) × weight +1.000; highest in: cat
        all other features (1) add +0.00
    """
    where = "explain.evidence"
    fix = "Make one: trace.predict."
    checks.instance(prediction, PredictionTrace, where, "a PredictionTrace", fix)
    checks.instance(images, ImageSet, where, "images, an ImageSet", "images.load makes one.")
    checks.instance(head, nn.Linear, where, "a head, a torch.nn.Linear", _HEAD)
    checks.features(features, where, width=head.in_features)
    if len(features) != len(images):
        wanted = f"features of the {len(images)} images"
        checks.refuse(where, wanted, f"{len(features)} rows", "Take features.extract(images, …).")
    if len(prediction.classes) != head.out_features:
        wanted = f"the head of this prediction, with {len(prediction.classes)} classes"
        checks.refuse(where, wanted, f"{head.out_features}", _HEAD)
    limits = {"classes": classes, "parts": parts, "pictures": pictures}
    most = {k: checks.whole_number(n, where, k, high=_MOST) for k, n in limits.items()}
    known = features[images.train]
    shown = prediction.probabilities.argsort(descending=True, stable=True)[: most["classes"]]

    def explained(number: int) -> ClassEvidence:
        vector, mean = prediction.layers[1].values, known.mean(0)
        adds = contributions(vector, head, number, mean)
        strongest = adds[:-1].abs().argsort(descending=True, stable=True)[: most["parts"]].tolist()
        return ClassEvidence(
            prediction.classes[number],
            float(prediction.probabilities[number]),
            float(prediction.layers[2].values[number]),
            float(adds[-1]),
            tuple(
                FeatureEvidence(
                    i,
                    float(vector[i]),
                    float(mean[i]),
                    head.weight[number, i].item(),
                    float(adds[i]),
                    highest(i),
                )
                for i in strongest
            ),
            float(adds[:-1].sum() - adds[strongest].sum()),
        )

    def highest(feature: int) -> tuple[int, ...]:
        order = known[:, feature].argsort(descending=True, stable=True)[: most["pictures"]]
        return tuple(images.train[order].tolist())

    return Evidence(prediction, tuple(map(explained, shown.tolist())), images)


def contributions(
    features: torch.Tensor,
    head: nn.Linear,
    number: int,
    reference: torch.Tensor | None = None,
) -> torch.Tensor:
    """Split a logit into what each feature adds to it.

    The bias alone tells little: a feature that is never 0 adds something for every image. Against a
    reference, such as the mean of the training features, each feature adds what sets this image
    apart, and what is left is the logit of the reference.

    Parameters
    ----------
    features : torch.Tensor
        float32 D, of one image.
    head : torch.nn.Linear
        D features to C logits.
    number : int
        The class number whose logit is split.
    reference : torch.Tensor, optional
        float32 D: the features to compare with; left out, all are 0.

    Returns
    -------
    torch.Tensor
        float32 D + 1: (feature - reference) × weight, and last the logit of the reference, which
        without one is the bias. The sum is the logit.

    Raises
    ------
    featlib.FeatlibError
        If the head is not linear, the features do not fit it, or there is no such class.

    Examples
    --------
    >>> import torch
    >>> from featlib import explain
    >>> head = torch.nn.Linear(2, 2)
    >>> head.weight.data, head.bias.data = torch.tensor([[3.0, -1.0], [0, 1]]), torch.ones(2)
    >>> explain.contributions(torch.tensor([2.0, 4.0]), head, 0).tolist()  # they sum to the logit
    [6.0, -4.0, 1.0]
    >>> mean = torch.tensor([1.0, 3.0])
    >>> explain.contributions(torch.tensor([2.0, 4.0]), head, 0, mean).tolist()
    [3.0, -1.0, 1.0]
    """
    where = "explain.contributions"
    checks.instance(head, nn.Linear, where, "a head, a torch.nn.Linear", _HEAD)
    checks.feature_row(features, where, width=head.in_features)
    if reference is None:
        reference = torch.zeros_like(features)
    checks.feature_row(reference, f"{where}, reference", width=head.in_features)
    number = checks.whole_number(number, where, "number", 0, head.out_features - 1)
    with torch.no_grad():
        bias = head.weight.new_zeros(1) if head.bias is None else head.bias[number : number + 1]
        checks.features(head.weight, f"{where}, head.weight")
        checks.features(bias[None], f"{where}, head.bias")
        weight = head.weight[number]
        return torch.cat([(features - reference) * weight, bias + reference @ weight])


def occlusion(
    image: torch.Tensor,
    backbone: Backbone,
    head: Callable[[torch.Tensor], torch.Tensor],
    number: int,
    *,
    patch: int = 16,
    stride: int = 8,
) -> torch.Tensor:
    """Measure how much a class's logit falls when a part of the image is covered.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W, values 0–255.
    backbone : featlib.backbone.Backbone
        Turns images into D features.
    head : torch.nn.Module or callable
        Turns D features into C logits. It is run in evaluation mode, and gets back the mode that it
        had.
    number : int
        The class number.
    patch, stride : int
        Side of the gray square that covers, and its step from place to place, in pixels.

    Returns
    -------
    torch.Tensor
        float32 h×w, one number for each place of the square: the logit of the whole image minus
        that of the covered one. High where the image speaks for the class.

    Raises
    ------
    featlib.FeatlibError
        If the image is not uint8 3×H×W, the backbone and the head do not fit together, the square
        or its step is larger than the image, or there is no such class.

    References
    ----------
    Zeiler and Fergus (2014), Visualizing and understanding convolutional networks,
    arXiv:1311.2901.

    Examples
    --------
    >>> import torch
    >>> from featlib import backbone, explain
    >>> image, head = torch.zeros(3, 64, 64, dtype=torch.uint8), torch.nn.Linear(512, 2)
    >>> explain.occlusion(image, backbone.resnet18(), head, 1, patch=32, stride=16).shape
    torch.Size([3, 3])
    """
    where = "explain.occlusion"
    checks.image(image, where)
    checks.instance(backbone, Backbone, where, "a featlib Backbone", "backbone.resnet18() is one.")
    shortest = min(image.shape[1:])
    patch = checks.whole_number(patch, where, "patch", high=shortest)
    stride = checks.whole_number(stride, where, "stride", high=shortest)
    rows, columns = (range(0, side - patch + 1, stride) for side in image.shape[1:])
    places = [(top, left) for top in rows for left in columns]
    whole = _logits(image[None], backbone, head)[0]
    number = checks.whole_number(number, where, "number", 0, len(whole) - 1)
    parts = []
    for start in range(0, len(places), _BATCH):
        covered = image.repeat(len(places[start : start + _BATCH]), 1, 1, 1)
        for one, (top, left) in zip(covered, places[start:], strict=False):
            one[:, top : top + patch, left : left + patch] = 128
        parts.append(whole[number] - _logits(covered, backbone, head)[:, number])
    return torch.cat(parts).view(len(rows), len(columns))


def _logits(
    images: torch.Tensor, backbone: Backbone, head: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    features = backbone(preprocess.prepare(images, backbone.transform))
    return heads.logits(head, features, where="explain.occlusion")
