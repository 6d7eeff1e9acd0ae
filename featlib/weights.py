"""The weights of stage 3: found, read, checked, and the cards that say what they expect.

Weights can come from a stranger. So a checksum is compared before anything is read, nothing that
could run code is ever unpickled, and each tensor must be one of torchvision's `resnet18`.
"""

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import URLError

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import hub, nn

from featlib import checks
from featlib.engine.strict_json import read_card
from featlib.engine.words import reason
from featlib.preprocess import Transform

__all__ = ["BUNDLED", "IMAGENET_TRANSFORM", "TORCHVISION_URL", "Weights", "read_weights"]

BUNDLED = Path(__file__).parent / "assets" / "resnet18-imagenet.safetensors"
# torchvision's ResNet18_Weights.IMAGENET1K_V1.url; reading it there would import torchvision.
TORCHVISION_URL = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
IMAGENET_TRANSFORM = Transform((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_NAMES = ("bundled", "imagenet", "torchvision", "untrained")


@dataclass(frozen=True, repr=False)
class Weights:
    """What a ResNet18 is filled with: all that extraction needs.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        A state dict of torchvision's `resnet18`, in float32, checked.
    transform : featlib.preprocess.Transform
        What the weights expect of their input.
    name : str
        Where they came from.
    classes : tuple of str
        What the outputs of the final layer mean; empty where that is not known.

    Examples
    --------
    >>> from featlib import weights
    >>> weights.read_weights(size=64)
    Weights('bundled', 122 tensors, Transform(0.485±0.229, 0.456±0.224, 0.406±0.225, 64×64))
    """

    tensors: dict[str, torch.Tensor]
    transform: Transform
    name: str
    classes: tuple[str, ...] = ()

    def state(self) -> dict[str, torch.Tensor]:
        """Return the tensors that turn images into features: all but the final layer's.

        Returns
        -------
        dict of str to torch.Tensor
            A part of `tensors`: float32, and int64 for BatchNorm's counters.

        Examples
        --------
        >>> from featlib import weights
        >>> loaded = weights.read_weights()
        >>> sorted(loaded.tensors.keys() - loaded.state().keys())
        ['fc.bias', 'fc.weight']
        """
        return {name: t for name, t in self.tensors.items() if not name.startswith("fc.")}

    def at(self, size: int) -> "Weights":
        """Return these weights for images of another size.

        Parameters
        ----------
        size : int
            Height and width, from 32 to 512 pixels, to which every image is brought.

        Returns
        -------
        Weights
            With the same tensors.

        Raises
        ------
        featlib.FeatlibError
            If the size is out of range.

        Examples
        --------
        >>> from featlib import weights
        >>> weights.read_weights().at(128).transform.size
        128
        """
        return replace(self, transform=replace(self.transform, size=size))

    @property
    def width(self) -> int:
        """int: the number of features, 512."""
        return self.tensors["fc.weight"].shape[1]

    def __repr__(self) -> str:
        return f"Weights({self.name!r}, {len(self.tensors)} tensors, {self.transform})"


def read_weights(
    weights: str | Path = "bundled",
    *,
    size: int | None = None,
    sha256: str | None = None,
    seed: int = 0,
) -> Weights:
    """Read the weights of a ResNet18, and check them.

    Parameters
    ----------
    weights : str or pathlib.Path
        ``"bundled"`` or ``"imagenet"``: weights that were trained on ImageNet and come with
        featlib, no network needed.
        ``"torchvision"``: torchvision's `ResNet18_Weights.IMAGENET1K_V1`, downloaded on first use.
        ``"untrained"``: random weights, the lesson's counterexample.
        Anything else is the path of a state dict: ``.safetensors``, ``.pt`` or ``.pth``.
    size : int, optional
        Height and width, from 32 to 512 pixels, to which every image is brought. Left out: what the
        card of a file says, else the images' own size.
    sha256 : str, optional
        For a path: the checksum that the file must have. Without it, the one in the ``.json`` card
        beside the file is taken, where there is a card.
    seed : int
        For ``"untrained"``: the seed of the random weights.

    Returns
    -------
    Weights
        float32, checked, with the transform that they expect.

    Raises
    ------
    featlib.FeatlibError
        If the file is missing, altered, cut off, or for another network; or the download fails.

    Examples
    --------
    >>> from featlib import weights
    >>> loaded = weights.read_weights()
    >>> loaded.width, len(loaded.classes)
    (512, 200)
    >>> weights.read_weights(size=224).transform.size
    224
    >>> random = weights.read_weights("untrained", seed=1)
    >>> random.tensors["conv1.weight"].shape
    torch.Size([64, 3, 7, 7])
    """
    loaded = _read(weights, sha256, seed)
    return loaded if size is None else loaded.at(size)


def _read(weights: str | Path, sha256: str | None, seed: int) -> Weights:
    if weights == "untrained":
        state = _checked(_random_state(seed), "untrained")
        return Weights(state, _card_transform(_card(BUNDLED)), "untrained")
    if weights == "torchvision":
        state, classes = _download_torchvision()
        return Weights(_checked(state, "torchvision"), IMAGENET_TRANSFORM, "torchvision", classes)
    weights = "bundled" if weights == "imagenet" else weights
    path = BUNDLED if weights == "bundled" else Path(weights).expanduser()
    if not path.suffix and not path.exists():
        checks.one_of(str(weights), "backbone.resnet18", "weights", (*_NAMES, "a file's path"))
    checks.file(path, "backbone.resnet18", "weights")
    card = _card(path)
    if expected := sha256 or card.get("sha256"):
        checks.checksum(path, expected, "backbone.resnet18")
    transform, classes = _card_transform(card), tuple(c["name"] for c in card.get("classes", ()))
    return Weights(_checked(_read_state(path), str(weights)), transform, str(weights), classes)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of torchvision's resnet18, as the bundled file has them."""
    with safe_open(BUNDLED, framework="pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _random_state(seed: int) -> dict[str, torch.Tensor]:
    """Make the weights that torchvision's resnet18 starts its training with.

    Convolutions are random with a variance that keeps the size of what passes through (He et al.,
    2015, arXiv:1502.01852), and BatchNorm changes nothing at first.
    """
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in _shapes().items():
        ones = name.endswith(("weight", "running_var"))
        state[name] = torch.ones(shape) if ones else torch.zeros(shape)
        if len(shape) > 1:
            nn.init.kaiming_normal_(
                state[name], mode="fan_out", nonlinearity="relu", generator=generator
            )
    return state


def _checked(state: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """Return a state dict in float32, or say what does not fit torchvision's resnet18."""
    wanted = _shapes()
    if "fc.weight" not in state or state["fc.weight"].ndim != 2 or not len(state["fc.weight"]):
        state_keys = ", ".join(map(str, list(state)[:3])) or "none"
        checks.refuse(
            f"weights '{name}'",
            "a state dict of torchvision's resnet18 with 'fc.weight'",
            f"{len(state)} tensors ({state_keys}, …)",
            "Save it with torch.save(model.state_dict(), path).",
        )
    n_classes = state["fc.weight"].shape[0]
    wanted |= {"fc.weight": (n_classes, wanted["fc.weight"][1]), "fc.bias": (n_classes,)}
    counters = [n.replace("running_mean", "num_batches_tracked") for n in wanted if "mean" in n]
    wanted |= dict.fromkeys(counters, ())
    # How many batches BatchNorm has seen matters only in training, so files may leave it out.
    state = {name: torch.zeros((), dtype=torch.int64) for name in counters} | state
    keys = sorted(wanted.keys() | state.keys(), key=str)
    odd = [str(k) for k in keys if _misfit(k, wanted.get(k), state.get(k))]
    if odd:
        checks.refuse(
            f"weights '{name}'",
            f"the {len(wanted)} tensors of torchvision's resnet18, of finite numbers",
            f"{len(odd)} missing, unknown, or of another shape, kind or range: "
            f"{', '.join(odd[:3])}",
            "These weights are for another architecture, or damaged.",
        )
    # The bundled file holds float16 to halve its size; all arithmetic is in float32.
    return {
        key: value.to(torch.int64 if key in counters else torch.float32).contiguous()
        for key, value in state.items()
    }


def _misfit(name: str, wanted: tuple[int, ...] | None, given: torch.Tensor | None) -> bool:
    if wanted is None or given is None or wanted != tuple(given.shape) or not _is_plain(given):
        return True
    if name.endswith("running_var") and bool((given < 0).any()):
        return True
    return not checks.all_finite(given)


def _is_plain(tensor: torch.Tensor) -> bool:
    """Say whether a tensor holds real numbers, each of them stored in the file."""
    return (
        tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and (tensor.dtype in _FLOATS or (tensor.dtype == torch.int64 and tensor.ndim == 0))
        # A tensor can claim any size by showing the same number again and again.
        and tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()
    )


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        _refuse_compressed(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged zip or header makes PyTorch raise many kinds
        _not_weights(path, reason(error))
    if not isinstance(state, dict) or not all(isinstance(v, torch.Tensor) for v in state.values()):
        _not_weights(path, type(state).__name__)
    return state


def _refuse_compressed(path: Path) -> None:
    """Refuse a zip file that grows when unpacked: PyTorch never compresses, a zip bomb does."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as file:
            size = sum(member.file_size for member in file.infolist())
        if size > path.stat().st_size:
            raise ValueError(f"a file that unpacks to {size:,} bytes")


def _not_weights(path: Path, got: str) -> NoReturn:
    checks.refuse(
        f"weights '{path}'",
        "a .safetensors file, or a .pt file with a state dict of tensors only",
        got,
        "Get the file again, or save it anew with torch.save(model.state_dict(), path).",
    )


def _download_torchvision() -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Return torchvision's own weights as a state dict, and the names of their classes."""
    from torchvision.models import ResNet18_Weights

    try:
        state = hub.load_state_dict_from_url(TORCHVISION_URL, weights_only=True, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        checks.refuse(
            "backbone.resnet18",
            f"torchvision's weights from {TORCHVISION_URL}",
            str(error),
            'Check the network, or use weights="bundled", which needs none.',
        )
    return state, tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def _card(path: Path) -> dict[str, Any]:
    """Read the card beside a weights file, and check what is used of it."""
    try:
        facts = read_card(path)
        if not isinstance(facts.get("sha256", ""), str):
            raise ValueError("'sha256' is no text")
        classes = facts.get("classes", [])
        if not (isinstance(classes, list) and all(_has_name(entry) for entry in classes)):
            raise ValueError("'classes' is no list of objects with a 'name'")
        _card_transform(facts)
    except (ValueError, OSError) as error:
        fix = "Fix the card, or move it away from the weights."
        card = path.with_suffix(".json")
        checks.refuse(f"the card '{card}'", "a JSON object", reason(error), fix)
    return facts


def _has_name(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str)


def _card_transform(card: dict[str, Any]) -> Transform:
    mean = card.get("mean", IMAGENET_TRANSFORM.mean)
    std = card.get("std", IMAGENET_TRANSFORM.std)
    return Transform(mean, std, card.get("size"))
