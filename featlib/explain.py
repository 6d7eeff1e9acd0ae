"""Why one prediction is as it is: what each feature adds, and what each part of the image does."""

import torch
from torch import nn

from featlib import checks, preprocess
from featlib.backbone import Backbone

__all__ = ["contributions", "occlusion"]


def contributions(features: torch.Tensor, head: nn.Linear, number: int) -> torch.Tensor:
    """Split a logit into what each feature adds to it.

    Parameters
    ----------
    features : torch.Tensor
        float32 D, of one image.
    head : torch.nn.Linear
        D features to C logits.
    number : int
        The class number whose logit is split.

    Returns
    -------
    torch.Tensor
        float32 D + 1: feature × weight, and the bias last; the sum is the logit.

    Raises
    ------
    featlib.FeatlibError
        If the features do not fit the head, or there is no such class.

    Examples
    --------
    >>> import torch
    >>> from featlib import explain
    >>> head = torch.nn.Linear(2, 2)
    >>> head.weight.data, head.bias.data = torch.tensor([[3.0, -1.0], [0, 1]]), torch.ones(2)
    >>> explain.contributions(torch.tensor([2.0, 4.0]), head, 0).tolist()  # they sum to the logit
    [6.0, -4.0, 1.0]
    """
    checks.features(features[None], "explain.contributions", width=head.in_features)
    checks.whole_number(number, "explain.contributions", "number", 0, head.out_features - 1)
    with torch.no_grad():
        return torch.cat([features * head.weight[number], head.bias[number : number + 1]])


def occlusion(
    image: torch.Tensor,
    backbone: Backbone,
    head: nn.Linear,
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
    head : torch.nn.Linear
        Turns D features into C logits.
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
        If the image is not uint8 3×H×W, the square or its step is larger than the image, or there
        is no such class.

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
    checks.pixels(image[None], "explain.occlusion")
    checks.whole_number(number, "explain.occlusion", "number", 0, head.out_features - 1)
    shortest = min(image.shape[1:])
    checks.whole_number(patch, "explain.occlusion", "patch", high=shortest)
    checks.whole_number(stride, "explain.occlusion", "stride", high=shortest)
    rows, columns = (range(0, side - patch + 1, stride) for side in image.shape[1:])
    covered = image.repeat(len(rows) * len(columns), 1, 1, 1)
    for i, (top, left) in enumerate((r, c) for r in rows for c in columns):
        covered[i, :, top : top + patch, left : left + patch] = 128
    with torch.no_grad():
        both = torch.cat([image[None], covered])
        logits = head(backbone(preprocess.prepare(both, backbone.transform)))[:, number]
    return (logits[0] - logits[1:]).view(len(rows), len(columns))
