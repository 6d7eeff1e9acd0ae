"""The frozen ResNet18 of stage 3, and its weights.

Frozen means three things here: no gradients, BatchNorm on its stored statistics, and staying so.
The third is the one that is often missed: `requires_grad_(False)` alone does not stop BatchNorm
from updating its running mean and variance whenever the module is in training mode.
"""

import hashlib

import torch
from torch import nn

from featlib.weights import Weights, read_weights


class Backbone(nn.Module):
    """A ResNet18 that turns each image into 512 features and never changes.

    Attributes
    ----------
    network : torch.nn.Module
        torchvision's `resnet18`, its final layer replaced by `torch.nn.Identity`.
    fc : torch.nn.Linear
        The final layer that the weights came with, kept for asking the original network.
    transform : featlib.preprocess.Transform
        What the weights expect of their input.
    classes : tuple of str
        What the outputs of `fc` mean; empty where that is not known.
    name : str
        Where the weights came from.
    width : int
        The number of features: 512.
    """

    def __init__(self, network, transform, name, classes=()):
        super().__init__()
        self.width = network.fc.in_features
        self.fc = network.fc
        network.fc = nn.Identity()
        self.network = network
        self.transform = transform
        self.name = name
        self.classes = tuple(classes)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode=True):
        """Stay in evaluation mode, whatever is asked, so that BatchNorm keeps its statistics.

        Parameters
        ----------
        mode : bool
            Ignored; a module that holds this backbone passes it on.

        Returns
        -------
        Backbone
        """
        return super().train(False)

    def forward(self, images):
        """Turn preprocessed images into features.

        Parameters
        ----------
        images : torch.Tensor
            float32 N×3×S×S as `preprocess.prepare` returns them.

        Returns
        -------
        torch.Tensor
            float32 N×512, without gradients.
        """
        # A learner can reach the inner network and call .train() on that; this undoes it.
        self.network.eval()
        with torch.no_grad():
            return self.network(images)

    def state(self):
        """Return the tensors that turn images into features, as they are now.

        Returns
        -------
        dict of str to torch.Tensor
        """
        return self.network.state_dict()

    def __repr__(self):
        frozen = sum(p.numel() for p in self.network.parameters())
        return (
            f"Backbone(ResNet18, weights={self.name!r}, "
            f"{frozen:,} frozen parameters, {self.width} features, {self.transform})"
        )


def resnet18(weights="bundled", *, sha256=None, seed=0):
    """Return a frozen ResNet18.

    Parameters
    ----------
    weights : str, pathlib.Path or Weights
        As for `read_weights`, or what that returned.
    sha256, seed
        As for `read_weights`.

    Returns
    -------
    Backbone

    Raises
    ------
    featlib.FeatlibError
        As of `read_weights`.
    """
    # Imported here, since it takes a second, and extraction does without.
    from torchvision.models import resnet18 as torchvision_resnet18

    if not isinstance(weights, Weights):
        weights = read_weights(weights, sha256=sha256, seed=seed)
    with torch.device("meta"):
        network = torchvision_resnet18(num_classes=len(weights.tensors["fc.weight"]))
    network.load_state_dict(weights.tensors, assign=True)
    return Backbone(network, weights.transform, weights.name, weights.classes)


def fingerprint(model):
    """Hash every weight and every buffer of a module.

    Equal before and after training means: nothing moved, BatchNorm's running statistics included.

    Parameters
    ----------
    model : torch.nn.Module or dict of str to torch.Tensor
        Any module, or its state dict.

    Returns
    -------
    str
        SHA-256 in hexadecimal, over names, dtypes, shapes and values in the order of names.
    """
    state = model.state_dict() if isinstance(model, nn.Module) else model
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
