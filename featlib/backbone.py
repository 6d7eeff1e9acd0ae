"""The frozen ResNet18 of stage 3, and its weights.

Frozen means three things here: no gradients, BatchNorm on its stored statistics, and staying so.
The third is the one that is often missed: `requires_grad_(False)` alone does not stop BatchNorm
from updating its running mean and variance whenever the module is in training mode.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from featlib import checks
from featlib.engine.words import describe, dtype_name
from featlib.preprocess import Transform
from featlib.weights import Weights, read_weights

if TYPE_CHECKING:
    from torchvision.models import ResNet

__all__ = ["Backbone", "fingerprint", "resnet18"]


class Backbone(nn.Module):
    """A ResNet18 that turns each image into 512 features and never changes.

    Attributes
    ----------
    network : torch.nn.Module
        torchvision's `resnet18`, its final layer replaced by `torch.nn.Identity`.
    fc : torch.nn.Linear
        The final layer that the weights came with, kept for asking the original network. Where they
        came without, using it raises `featlib.FeatlibError`.
    transform : featlib.preprocess.Transform
        What the weights expect of their input.
    classes : tuple of str
        What the outputs of `fc` mean; empty where that is not known.
    name : str
        Where the weights came from.
    width : int
        The number of features: 512.

    Examples
    --------
    >>> import torch
    >>> from featlib import backbone
    >>> frozen = backbone.resnet18("untrained")
    >>> frozen(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2, 512])
    """

    width: int
    fc: nn.Linear
    network: nn.Module
    transform: Transform
    name: str
    classes: tuple[str, ...]

    def __init__(
        self, network: "ResNet", transform: Transform, name: str, classes: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.width = 512
        if isinstance(network.fc, nn.Linear):
            self.fc, self.width = network.fc, network.fc.in_features
        # torchvision declares it a linear layer.
        network.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        self.network = network
        self.transform = transform
        self.name = name
        self.classes = tuple(classes)
        self.requires_grad_(False)
        self.eval()

    def __getattr__(self, name: str) -> Any:
        if name == "fc" and "fc" not in self._modules:
            checks.refuse(
                f"backbone '{self.name}'",
                "the final layer that the weights came with",
                "weights without one",
                "Train a layer of your own on the features: head.train.",
            )
        return super().__getattr__(name)

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in evaluation mode, whatever `mode` says, so that BatchNorm keeps its statistics.

        Parameters
        ----------
        mode : bool
            Ignored. It is here because a module that holds this backbone passes it on.

        Returns
        -------
        Backbone
            Itself.

        Examples
        --------
        >>> from featlib import backbone
        >>> backbone.resnet18("untrained").train().training
        False
        """
        return super().train(False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Turn preprocessed images into features.

        Parameters
        ----------
        images : torch.Tensor
            float32 N×3×S×S as `preprocess.prepare` returns them.

        Returns
        -------
        torch.Tensor
            float32 N×512, without gradients.

        Raises
        ------
        featlib.FeatlibError
            If the images are of another shape or dtype, or elsewhere than the network.

        Examples
        --------
        >>> import torch
        >>> from featlib import backbone
        >>> frozen = backbone.resnet18("untrained")
        >>> frozen(torch.zeros(2, 3, 64, 64)).requires_grad
        False
        """
        kernel = next(self.network.parameters())
        where = f" on '{kernel.device}'" if kernel.device.type != "cpu" else ""
        alike = isinstance(images, torch.Tensor) and images.layout == torch.strided
        alike = alike and (images.dtype, images.device) == (kernel.dtype, kernel.device)
        if not alike or images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
            checks.refuse(
                "the backbone",
                f"preprocessed images, a {dtype_name(kernel)} tensor N×3×S×S{where}",
                describe(images),
                "Preprocess them: preprocess.prepare(pixels, backbone.transform).",
            )
        # A learner can reach the inner network and call .train() on that; this undoes it.
        self.network.eval()
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            return self.network(images)

    def state(self) -> dict[str, torch.Tensor]:
        """Return the tensors that turn images into features, as they are now.

        Returns
        -------
        dict of str to torch.Tensor
            The state dict of torchvision's `resnet18` without its final layer: weights and
            buffers, float32, and int64 for BatchNorm's counters.

        Examples
        --------
        >>> from featlib import backbone
        >>> state = backbone.resnet18("untrained").state()
        >>> state["conv1.weight"].shape, "fc.weight" in state
        (torch.Size([64, 3, 7, 7]), False)
        """
        return self.network.state_dict()

    def __repr__(self) -> str:
        frozen = sum(p.numel() for p in self.network.parameters())
        return (
            f"Backbone(ResNet18, weights={self.name!r}, "
            f"{frozen:,} frozen parameters, {self.width} features, {self.transform})"
        )


def resnet18(
    weights: str | Path | Weights | nn.Module | Mapping[str, Any] = "bundled",
    *,
    size: int | None = None,
    sha256: str | None = None,
    seed: int = 0,
) -> Backbone:
    """Return a frozen ResNet18.

    Parameters
    ----------
    weights : str, pathlib.Path, Weights, torch.nn.Module or mapping
        ``"bundled"``, ``"torchvision"``, ``"untrained"``, the path of a file, or a ResNet18 in
        memory: as for `weights.read_weights`.
    size : int, optional
        Height and width, from 32 to 512 pixels, to which every image is brought. Left out: what the
        weights ask for, else the images' own size.
    sha256 : str, optional
        For a path: the checksum that the file must have.
    seed : int
        For ``"untrained"``: the seed of the random weights.

    Returns
    -------
    Backbone
        In evaluation mode, without gradients.

    Raises
    ------
    featlib.FeatlibError
        If the file is missing, altered, cut off, or for another network; or the download fails.

    References
    ----------
    He et al. (2015), Deep residual learning for image recognition, arXiv:1512.03385.

    Examples
    --------
    >>> import torch
    >>> from featlib import backbone, preprocess
    >>> frozen = backbone.resnet18()
    >>> raw = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    >>> frozen(preprocess.prepare(raw, frozen.transform)).shape
    torch.Size([2, 512])
    >>> any(parameter.requires_grad for parameter in frozen.parameters())
    False
    """
    # Imported here, since it takes a second, and extraction does not need it.
    from torchvision.models import resnet18 as torchvision_resnet18

    read = read_weights(weights, size=size, sha256=sha256, seed=seed)
    final = read.tensors.get("fc.weight")
    with torch.device("meta"):
        network = torchvision_resnet18(num_classes=1 if final is None else len(final))
    if final is None:
        network.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    network.load_state_dict(read.tensors, assign=True)
    return Backbone(network, read.transform, read.name, read.classes)


def fingerprint(model: nn.Module | Mapping[str, torch.Tensor]) -> str:
    """Hash every weight and every buffer of a module.

    Equal before and after training means: nothing moved, BatchNorm's running statistics included.

    Parameters
    ----------
    model : torch.nn.Module or dict of str to torch.Tensor
        Any module, or its state dict: tensors of any shape and dtype.

    Returns
    -------
    str
        SHA-256 in hexadecimal, over names, dtypes, shapes and values in the order of names.

    Raises
    ------
    featlib.FeatlibError
        If it is neither, or a tensor is sparse or without values.

    Examples
    --------
    >>> import torch
    >>> from featlib import backbone
    >>> norm = torch.nn.BatchNorm1d(4).requires_grad_(False)  # frozen, one might think
    >>> before = backbone.fingerprint(norm)
    >>> _ = norm.train()(torch.rand(8, 4))
    >>> backbone.fingerprint(norm) == before  # its running mean and variance have moved
    False
    """
    state = model.state_dict() if isinstance(model, nn.Module) else model
    if not isinstance(state, Mapping) or not all(map(_is_stored, state, state.values())):
        checks.refuse(
            "backbone.fingerprint",
            "a module or its state dict, with tensors that hold numbers",
            describe(model),
            "Pass model, or model.state_dict().",
        )
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _is_stored(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, torch.Tensor):
        return False
    return value.layout == torch.strided and not value.is_meta and not value.is_quantized
