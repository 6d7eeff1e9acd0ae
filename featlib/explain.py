"""Why one prediction came out so: what each feature adds, and what each part of the image does."""

import torch

from featlib import checks, preprocess


def contributions(features, head, number):
    """Split a logit into what each feature adds to it.

    Parameters
    ----------
    features : torch.Tensor
        float32 D, of one image.
    head : torch.nn.Linear
        D to C.
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
    """
    checks.features(features[None], "explain.contributions", width=head.in_features)
    checks.whole_number(number, "explain.contributions", "number", 0, head.out_features - 1)
    with torch.no_grad():
        return torch.cat([features * head.weight[number], head.bias[number : number + 1]])


def occlusion(image, backbone, head, number, *, patch=16, stride=8):
    """Measure how much a class's logit falls when a part of the image is covered.

    Parameters
    ----------
    image : torch.Tensor
        uint8 3×H×W.
    backbone : featlib.backbone.Backbone
        Turns images into features.
    head : torch.nn.Linear
        Turns features into logits.
    number : int
        The class number.
    patch, stride : int
        Side of the gray square that covers, and its step from place to place, in pixels.

    Returns
    -------
    torch.Tensor
        float32 h×w: the logit of the whole image minus that of the covered one, for each place.
        High where the image speaks for the class.

    References
    ----------
    Zeiler and Fergus (2014), Visualizing and understanding convolutional networks,
    arXiv:1311.2901.
    """
    checks.pixels(image[None], "explain.occlusion")
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
