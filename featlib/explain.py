"""Why one prediction is as it is: what each feature adds, and what each part of the image does."""

from collections.abc import Callable

import torch
from torch import nn

from featlib import checks, preprocess
from featlib import head as heads
from featlib.backbone import Backbone

__all__ = ["contributions", "occlusion"]

_BATCH = 64  # covered copies of an image that are in memory together
_HEAD = "Take what head.train returned first, or lesson.head."


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
