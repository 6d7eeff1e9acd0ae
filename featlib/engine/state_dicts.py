"""Where a ResNet18 stands in what a checkpoint holds, and what does not fit it.

Each tool wraps and names a state dict in its own way. So the place is found by what stands there:
a network is wherever the first convolution of its first block is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from featlib.engine.convert import all_finite
from featlib.engine.words import describe, is_array, shape_text

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
MOST_TENSORS = 10_000  # in a file; a ResNet18 has 122, and three times as many with an optimizer
_MOST_CONTAINERS = 100_000
_LONGEST = 5000  # characters of the keys on the way to a tensor
_MOST_CANDIDATES = 20
# What torch.compile, FSDP, checkpointing and DataParallel put into the names of what they wrap.
_WRAPPER = r"(?:(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|module)\.)"
_INNER_WRAPPERS = re.compile(rf"(?<=\.){_WRAPPER}+")
# The first convolution of the first block, by its name, or by its number in an nn.Sequential.
_FIRST_BLOCK = re.compile(
    rf"(?P<prefix>(?:.*\.)?)(?:layer1|4)\.{_WRAPPER}*0\.{_WRAPPER}*conv1\.{_WRAPPER}*weight",
    re.DOTALL,
)
_TRUNK = re.compile(r"(conv|bn|layer)?\d")  # begins the names of all that makes features
_PRUNING = re.compile(r"_(orig|mask)$")  # their product stands beside them
_NUMBERED = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# Copies that follow another network in the same file: averages, momentum encoders, teachers.
_FOLLOWERS = re.compile(
    r"(^|[._])(ema|swa|avg|averaged?|polyak|shadow|momentum|slow|offline|k|key|target|teacher"
    r"|init|initial|prev|previous)\d*(?=[._])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # where words meet
_FIRST = (" instead of ", "does not have", "missing")  # what says most about a network
_BLOCKS: dict[tuple[int, ...], str] = {
    (1, 1, 1, 1): "a ResNet10",
    (2, 2, 2, 2): "a ResNet26",
    (3, 4, 6, 3): "a ResNet50, or a ResNeXt50 or Wide ResNet50",
    (3, 4, 23, 3): "a ResNet101",
    (3, 8, 36, 3): "a ResNet152",
}


def _shapes() -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of torchvision's resnet18, without BatchNorm's counters.

    Written out, since torchvision takes a second to import.
    """
    shapes = {"conv1.weight": (64, 3, 7, 7), **_norm("bn1", 64)}
    for layer, width in enumerate((64, 128, 256, 512), 1):
        for block in (0, 1):
            name, enters = f"layer{layer}.{block}", width
            if layer > 1 and block == 0:  # halves height and width, and doubles the channels
                enters = width // 2
                shapes[f"{name}.downsample.0.weight"] = (width, enters, 1, 1)
                shapes |= _norm(f"{name}.downsample.1", width)
            shapes[f"{name}.conv1.weight"] = (width, enters, 3, 3)
            shapes[f"{name}.conv2.weight"] = (width, width, 3, 3)
            shapes |= _norm(f"{name}.bn1", width) | _norm(f"{name}.bn2", width)
    return shapes | {"fc.weight": (200, 512), "fc.bias": (200,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (width,) for part in parts}


SHAPES = _shapes()


@dataclass(frozen=True)
class Candidate:
    """What may be a ResNet18 in a checkpoint.

    Attributes
    ----------
    prefix : str
        What stands before its names: the keys on the way to it and the prefix of its module,
        such as ``state_dict.module.``; empty where there is none.
    tensors : dict of str to torch.Tensor
        Under torchvision's names. The final layer may be missing.
    renamed : dict of str to str
        torchvision's names, by the full names of those tensors that had others after the prefix.
    aside : tuple of str
        The full names of all other tensors.
    """

    prefix: str
    tensors: dict[str, torch.Tensor]
    renamed: dict[str, str]
    aside: tuple[str, ...]


def flatten(held: Any) -> dict[str, torch.Tensor]:
    """Return all tensors in nested dicts, lists and modules, by the keys on the way to them.

    Parameters
    ----------
    held : object
        What a file held.

    Returns
    -------
    dict of str to torch.Tensor
        ``{"a": {"b": tensor}}`` becomes ``{"a.b": tensor}``. NumPy's arrays become tensors, and
        weights that were pruned are multiplied with their masks. Anything else is left out.

    Raises
    ------
    ValueError
        If there is too much to look through.
    """
    found, seen, places = {}, set(), [("", held)]
    for path, value in places:  # grows on the way; a container that holds itself is entered once
        if isinstance(value, nn.Module):
            value = value.state_dict()
        if isinstance(value, torch.Tensor) or is_array(value):
            tensor = _tensor(value)
            found |= {} if tensor is None else {path.removesuffix("."): tensor}
        elif isinstance(value, (Mapping, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            parts = value.items() if isinstance(value, Mapping) else enumerate(value)
            places += [(f"{path}{key}.", part) for key, part in parts if _may_hold(part)]
        if len(found) > MOST_TENSORS or len(places) > _MOST_CONTAINERS or len(path) > _LONGEST:
            raise ValueError(f"more than {MOST_TENSORS:,} tensors, or lists deep in each other")
    return found | _pruned(found)


def _may_hold(value: object) -> bool:
    return isinstance(value, (torch.Tensor, nn.Module, Mapping, list, tuple)) or is_array(value)


def _tensor(value: Any) -> torch.Tensor | None:
    """Return a tensor with a shape; None for what has none, or is an array of no numbers."""
    try:
        # A copy, as PyTorch takes no array that runs backwards, cannot be written to, or has the
        # bytes of its numbers in another order than this machine.
        tensor = (
            torch.from_numpy(value.astype(value.dtype.newbyteorder("="), order="C"))
            if is_array(value)
            else value.detach()
        )
        return tensor if all(type(n) is int for n in tensor.shape) else None
    except (TypeError, ValueError, RuntimeError, MemoryError):  # a lazy layer, a nested tensor
        return None


def _pruned(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what `torch.nn.utils.prune` computes before each use: weights times their masks."""
    masks = {key.removesuffix("_mask"): t for key, t in tensors.items() if key.endswith("_mask")}
    pairs = {name: (tensors.get(f"{name}_orig"), mask) for name, mask in masks.items()}
    return {
        name: weight * mask
        for name, (weight, mask) in pairs.items()
        if weight is not None and weight.shape == mask.shape and is_plain(weight) and is_plain(mask)
    }


def candidates(tensors: Mapping[str, torch.Tensor]) -> list[Candidate]:
    """Return all places where a ResNet stands, a network before the copies that follow it.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        From `flatten`.

    Returns
    -------
    list of Candidate
        Otherwise in the order of the file; at most 20.
    """
    matches = filter(None, map(_FIRST_BLOCK.fullmatch, tensors))
    prefixes = dict.fromkeys(match["prefix"] for match in matches)
    first = sorted(prefixes, key=_follows)[:_MOST_CANDIDATES]
    return [_candidate(tensors, prefix) for prefix in first]


def _follows(prefix: str) -> bool:
    return bool(_FOLLOWERS.search(_CAMEL.sub("_", prefix).lower()))


def _candidate(tensors: Mapping[str, torch.Tensor], prefix: str) -> Candidate:
    within = (key for key in tensors if key.startswith(prefix) and not _PRUNING.search(key))
    names = {key: _named(key.removeprefix(prefix)) for key in within}
    kept = {key: name for key, name in names.items() if _TRUNK.match(name)}
    kept |= _final_layer({k: n for k, n in names.items() if n.startswith("fc.")}, tensors)
    return Candidate(
        prefix,
        {name: tensors[key] for key, name in kept.items()},
        {key: name for key, name in kept.items() if key != prefix + name},
        tuple(key for key in tensors if key not in kept),
    )


def _named(name: str) -> str:
    """Return torchvision's name for one of a wrapped layer, or of a layer with a number."""
    name = _INNER_WRAPPERS.sub("", name)
    first, dot, rest = name.partition(".")
    if first.isdecimal() and dot:
        # From 8 on come the pooling and whatever a user put after it: the final layer.
        first = _NUMBERED.get(first) or (f"fc.{first}" if int(first) >= 8 else first)
    return first + dot + rest


def _final_layer(names: dict[str, str], tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Return the names of what makes logits of features, if that is one linear layer."""
    if "fc.weight" in names.values():
        return names
    weights = [key for key in names if tensors[key].ndim == 2]
    stem = weights[0].removesuffix("weight") if len(weights) == 1 else ""
    if names.keys() - {f"{stem}weight", f"{stem}bias"}:
        return {}
    return {key: f"fc.{key.removeprefix(stem)}" for key in names}


def complete(
    tensors: Mapping[str, torch.Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Add what a state dict may leave out, and say what does not fit a ResNet18.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        Under torchvision's names.
    shapes : mapping of str to tuple of int
        Those of torchvision's `resnet18`, without BatchNorm's counters.

    Returns
    -------
    tensors : dict of str to torch.Tensor
        With BatchNorm's counters and the bias of a final layer.
    faults : dict of str to str
        What does not fit, by name: other shapes first, then what is missing, unknown, or damaged.
    """
    wanted = {name: shape for name, shape in shapes.items() if not name.startswith("fc.")}
    # How many batches BatchNorm has seen matters only in training, so files may leave it out.
    given = {
        name.replace("running_mean", "num_batches_tracked"): torch.zeros((), dtype=torch.int64)
        for name in wanted
        if name.endswith("running_mean")
    }
    wanted |= dict.fromkeys(given, ())
    if "fc.weight" in tensors:
        n_classes = max(1, *tensors["fc.weight"].shape[:1])
        wanted |= {"fc.weight": (n_classes, shapes["fc.weight"][1]), "fc.bias": (n_classes,)}
        given["fc.bias"] = torch.zeros(min(n_classes, 10**6))  # the shape may claim any number
    given |= {n: t for n, t in tensors.items() if wanted.get(n) != () or _is_counter(t)}
    found = ((name, _fault(name, wanted.get(name), given.get(name))) for name in wanted | given)
    faults = [(name, words) for name, words in found if words]
    # The final layer comes last in its kind: it says least about what this is.
    faults.sort(key=lambda fault: (_rank(fault[1]), fault[0].startswith("fc."), fault[0]))
    return given, dict(faults)


def _is_counter(tensor: torch.Tensor) -> bool:
    return tensor.ndim == 0 and tensor.dtype == torch.int64 and is_plain(tensor)


def _rank(words: str) -> int:
    return next(rank for rank, part in enumerate((*_FIRST, "")) if part in words)


def _fault(name: str, wanted: tuple[int, ...] | None, given: torch.Tensor | None) -> str:
    if given is None:
        return "missing"
    if wanted is None:
        return f"{shape_text(given.shape)}, which a ResNet18 does not have"
    if wanted != tuple(given.shape):
        return f"{shape_text(given.shape)} instead of {shape_text(wanted)}"
    if not is_plain(given):
        return f"{describe(given)}, not stored as plain numbers"
    if not all_finite(given):
        return "NaN or infinite numbers"
    if name.endswith("running_var") and bool((given < 0).any()):
        return "variances below 0"
    return ""


def _dispatch(kind: type) -> Any:
    return getattr(kind, "__torch_dispatch__", None)


def is_plain(tensor: torch.Tensor) -> bool:
    """Say whether a tensor holds real numbers, each of them stored.

    Parameters
    ----------
    tensor : torch.Tensor
        Of any dtype, layout and device.

    Returns
    -------
    bool
        False for one that is sparse, elsewhere than on the CPU, of other numbers, of a class that
        computes in its own way, or that shows the same number again and again, by which it could
        claim any size.
    """
    return (
        _dispatch(type(tensor)) is _dispatch(torch.Tensor)
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and (tensor.dtype in FLOATS or (tensor.dtype == torch.int64 and tensor.ndim == 0))
        and tensor.untyped_storage().nbytes() >= tensor.numel() * tensor.element_size()
    )


def probably(tensors: Mapping[str, torch.Tensor]) -> str:
    """Say what a network that is no ResNet18 probably is.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        Of a `Candidate`, or of `flatten`.

    Returns
    -------
    str
        Words such as ``a ResNet34``.
    """
    if any("embedder.convolution" in name for name in tensors):
        return "a network under the names of Hugging Face's transformers"
    if not any(name.startswith("layer1.") for name in tensors):
        return "another architecture"
    found = [re.match(r"layer(\d)\.(\d+)\.", name) for name in tensors]
    blocks = {(match[1], match[2]) for match in found if match}
    counts = tuple(sum(layer == n for layer, _ in blocks) for n in "1234")
    if any(".conv3." in name for name in tensors):
        return _BLOCKS.get(counts, "a ResNet with other blocks")
    if counts != (2, 2, 2, 2):
        return "a ResNet34" if counts == (3, 4, 6, 3) else _BLOCKS.get(counts, "another ResNet")
    stem = tensors.get("conv1.weight")
    width, channels, kernel, _ = (
        stem.shape if stem is not None and stem.ndim == 4 else (64, 3, 7, 7)
    )
    if channels != 3:
        return "a ResNet18 for " + ("gray images" if channels == 1 else f"{channels} channels")
    if kernel != 7:
        return f"a ResNet18 for small images such as CIFAR's, with {kernel}×{kernel} at its start"
    return "a ResNet18 of another width" if width != 64 else "changed, or damaged"
