"""The frozen ResNet18 of stage 3, and its weights.

Frozen means three things here: no gradients, BatchNorm on its stored statistics, and staying so.
The third is the one that is often missed: `requires_grad_(False)` alone does not stop BatchNorm
from updating its running mean and variance whenever the module is in training mode.
"""

import hashlib
import json
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import hub, nn
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import checks
from featlib.preprocess import Transform

BUNDLED = Path(__file__).parent / "assets" / "resnet18-tinyimagenet64.safetensors"
IMAGENET_URL = ResNet18_Weights.IMAGENET1K_V1.url
IMAGENET_TRANSFORM = Transform((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 224)
NAMES = ("bundled", "imagenet", "untrained")


class Backbone(nn.Module):
    """A ResNet18 that turns each image into 512 features and never changes.

    Attributes
    ----------
    network : torch.nn.Module
        torchvision's `resnet18`, its final layer replaced by `torch.nn.Identity`.
    fc : torch.nn.Linear or None
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
    weights : str or pathlib.Path
        ``"bundled"``: weights for 64×64 images that come with featlib, no network needed.
        ``"imagenet"``: torchvision's `ResNet18_Weights.IMAGENET1K_V1`, downloaded on first use.
        ``"untrained"``: random weights, the lesson's counterexample.
        Anything else is the path of a state dict: ``.safetensors``, ``.pt`` or ``.pth``.
    sha256 : str, optional
        For a path: the checksum that the file must have. Without it the ``.json`` card beside the
        file is asked, where there is one.
    seed : int
        For ``"untrained"``: the seed of the random weights.

    Returns
    -------
    Backbone

    Raises
    ------
    featlib.FeatlibError
        If the file is missing, altered, cut off, or for another network; or the download fails.
    """
    if weights == "untrained":
        return Backbone(_new_network(seed=seed), _card_transform(_card(BUNDLED)), "untrained")
    if weights == "imagenet":
        state, transform = _download_imagenet(), IMAGENET_TRANSFORM
        name, classes = "imagenet", ResNet18_Weights.IMAGENET1K_V1.meta["categories"]
    else:
        path = BUNDLED if weights == "bundled" else Path(weights).expanduser()
        if not path.suffix and not path.exists():
            checks.one_of(str(weights), "backbone.resnet18", "weights", (*NAMES, "a file's path"))
        checks.file(path, "backbone.resnet18", "weights")
        card = _card(path)
        if expected := sha256 or card.get("sha256"):
            checks.checksum(path, expected, "backbone.resnet18")
        state, transform = _read_state(path), _card_transform(card)
        name, classes = str(weights), [entry["name"] for entry in card.get("classes", ())]
    return Backbone(_fill(state, name), transform, name, classes)


def fingerprint(model):
    """Hash every weight and every buffer of a module.

    Equal before and after training means: nothing moved, BatchNorm's running statistics included.

    Parameters
    ----------
    model : torch.nn.Module
        Any module.

    Returns
    -------
    str
        SHA-256 in hexadecimal, over names, dtypes, shapes and values in the order of names.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _new_network(n_classes=1000, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torchvision_resnet18(num_classes=n_classes)


def _fill(state, name):
    """Build torchvision's network and load the state dict into it, or say what does not fit."""
    if "fc.weight" not in state or state["fc.weight"].ndim != 2:
        state_keys = ", ".join(list(state)[:3]) or "none"
        checks.refuse(
            f"weights '{name}'",
            "a state dict of torchvision's resnet18 with 'fc.weight'",
            f"{len(state)} tensors ({state_keys}, …)",
            "Save it with torch.save(model.state_dict(), path).",
        )
    with torch.device("meta"):
        network = torchvision_resnet18(num_classes=state["fc.weight"].shape[0])
    wanted = network.state_dict()
    # How many batches BatchNorm has seen matters only in training, so files may leave it out.
    state = {k: torch.zeros_like(v, device="cpu") for k, v in wanted.items() if not v.ndim} | state
    odd = sorted(k for k in wanted.keys() | state.keys() if _misfit(wanted.get(k), state.get(k)))
    if odd:
        checks.refuse(
            f"weights '{name}'",
            f"the {len(wanted)} finite tensors of torchvision's resnet18",
            f"{len(odd)} missing, unknown, misshapen or not finite: {', '.join(odd[:3])}",
            "These weights are for another architecture, or damaged.",
        )
    state = {key: _as_stored(value, wanted[key].dtype) for key, value in state.items()}
    network.load_state_dict(state, assign=True)
    return network


def _misfit(wanted, given):
    if wanted is None or given is None or wanted.shape != given.shape:
        return True
    # A sum is finite only if every number is, and takes a tenth of the time of looking at each.
    return not bool(given.sum(dtype=torch.float64).isfinite())


def _as_stored(tensor, dtype):
    # The bundled file holds float16 to halve its size; all arithmetic is in float32.
    return tensor.to(dtype).contiguous()


def _read_state(path):
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged zip or a damaged header makes PyTorch raise
        _not_weights(path, checks.reason(error))
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        _not_weights(path, type(state).__name__)
    return state


def _not_weights(path, got):
    checks.refuse(
        f"weights '{path}'",
        "a .safetensors file, or a .pt file with a state dict of tensors only",
        got,
        "Get the file again, or save it anew with torch.save(model.state_dict(), path).",
    )


def _download_imagenet():
    try:
        return hub.load_state_dict_from_url(IMAGENET_URL, weights_only=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        checks.refuse(
            "backbone.resnet18",
            f"the ImageNet weights from {IMAGENET_URL}",
            str(error),
            'Check the network, or use weights="bundled", which needs none.',
        )


def _card(path):
    """Read the JSON card beside a weights file; no card is an empty one."""
    for card in (path.with_suffix(".json"), path.with_name("card.json")):
        if card.is_file():
            facts = json.loads(card.read_text(encoding="utf-8"))
            if facts.get("file", path.name) == path.name:
                return facts
    return {}


def _card_transform(card):
    mean = tuple(card.get("mean", IMAGENET_TRANSFORM.mean))
    std = tuple(card.get("std", IMAGENET_TRANSFORM.std))
    return Transform(mean, std, card.get("size", 64))
