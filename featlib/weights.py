"""The weights of stage 3: found, read, checked, and the cards that say what they expect.

Weights can come from a stranger. So a file is opened once, and its checksum is that of the bytes
that are then read. Nothing that could run code is ever unpickled, and each tensor must be one of
torchvision's `resnet18`.
"""

import argparse
import difflib
import hashlib
import io
import logging
import os
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors.torch import load
from torch import hub, nn
from torch.serialization import safe_globals

from featlib import checks
from featlib.engine import cache, paths
from featlib.engine.assets import read_published
from featlib.engine.files import read_regular
from featlib.engine.state_dicts import (
    MOST_TENSORS,
    SHAPES,
    Candidate,
    candidates,
    complete,
    flatten,
    probably,
)
from featlib.engine.strict_json import parse_json
from featlib.engine.words import describe
from featlib.preprocess import Transform

__all__ = ["BUNDLED", "IMAGENET_TRANSFORM", "TORCHVISION_URL", "Weights", "read_weights"]

log = logging.getLogger("featlib")

BUNDLED = Path(__file__).parent / "assets" / "resnet18-imagenet.safetensors"
# torchvision's ResNet18_Weights.IMAGENET1K_V1.url; reading it there would import torchvision.
TORCHVISION_URL = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
IMAGENET_TRANSFORM = Transform((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_NAMES = ("bundled", "imagenet", "torchvision", "untrained")
# torchvision publishes its files under names that end in how their SHA-256 begins; the second is
# that of its first releases.
_PUBLISHED = ("f37072fd", "5c106cde")
# What else torchvision calls the weights that it publishes.
_TORCHVISION = ("IMAGENET1K_V1", "DEFAULT", "ResNet18_Weights.IMAGENET1K_V1")
_MEANT = {
    "None": 'None in torchvision means random weights: "untrained". For pretrained ones leave '
    "`weights` out.",
    "True": 'Pretrained weights are "bundled".',
    "False": 'Random weights are "untrained".',
    "resnet18": "That is the network, which is always a ResNet18. Its pretrained weights are "
    '"bundled".',
}
_WHERE = "backbone.resnet18"
_CARD = ("sha256", "mean", "std", "size", "classes")  # what is used of a card
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CARD_SHA256 = re.compile(rb'"sha256"\s*:\s*"[0-9a-fA-F]{64}"')
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9"  # how files of torch.save began before PyTorch 1.6
_REINSTALL = "Reinstall featlib, or check the file out again."
_SAVE_ALONE = "Save the tensors of the ResNet18 alone: torch.save(model.state_dict(), path)."
# A ResNet18 has 45 million bytes, and three times as many with what an optimizer keeps.
_LARGEST = 5 * 10**8
_LARGEST_HEADER = 2**22  # bytes that list the tensors of a file; a ResNet18's has 11 thousand
_LARGEST_CARD = 10**7
_MOST_PIECES = 5 * 10**5  # of which a pickle is put together; a ResNet18's has some thousands


class _LeftAside:
    """Stands for a NumPy number in a checkpoint: what it is made of is read, but never used."""

    def __new__(cls, *_: object) -> "_LeftAside":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


def _empty_dict(*_: object) -> dict[Any, Any]:
    return {}


# What a checkpoint may hold beside its tensors. A Namespace is a bag of values: no code of its own
# runs when it is filled. The others are replaced by something that does nothing.
_SAFE = [
    argparse.Namespace,
    (_empty_dict, "collections.defaultdict"),
    *((_LeftAside, f"builtins.{kind}") for kind in ("int", "float", "list", "dict")),
    *((_LeftAside, f"__builtin__.{kind}") for kind in ("int", "float", "list", "dict")),
    *((_LeftAside, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    (_LeftAside, "numpy.dtype"),
]


@dataclass(frozen=True, repr=False, eq=False)
class Weights:
    """What a ResNet18 is filled with: all that extraction needs.

    Attributes
    ----------
    tensors : dict of str to torch.Tensor
        A state dict of torchvision's `resnet18`, in float32, checked; without ``fc.weight`` and
        ``fc.bias`` where the final layer did not come with the others.
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
        return len(self.tensors["layer4.1.bn2.weight"])

    def __repr__(self) -> str:
        return f"Weights({self.name!r}, {len(self.tensors)} tensors, {self.transform})"


def read_weights(
    weights: str | Path | Weights | nn.Module | Mapping[str, Any] | list[Any] = "bundled",
    *,
    size: int | None = None,
    sha256: str | None = None,
    seed: int = 0,
) -> Weights:
    """Read the weights of a ResNet18, and check them.

    Parameters
    ----------
    weights : str, pathlib.Path, Weights, torch.nn.Module, mapping or list
        ``"bundled"`` or ``"imagenet"``: weights that were trained on ImageNet and come with
        featlib, no network needed.
        ``"torchvision"``: torchvision's `ResNet18_Weights.IMAGENET1K_V1`, downloaded on first use.
        ``"untrained"``: random weights, the lesson's counterexample.
        Any other text is the path of a checkpoint: ``.safetensors``, or what `torch.save` wrote
        (``.pt``, ``.pth``, ``.ckpt``, …).
        A module or its state dict is copied, also one in a dict or list, or with NumPy's arrays;
        weights that were read before are taken as they are.
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

    Notes
    -----
    The ResNet18 may stand anywhere in a checkpoint: under keys such as ``state_dict``, behind
    prefixes such as ``module.``, or numbered as in ``nn.Sequential(*network.children())``. Of
    several, the first is taken that fits and is no copy that follows another one, such as
    ``encoder_k`` (it follows ``encoder_q``), ``model_ema`` or ``teacher``. The final layer may be
    missing: extraction does not use it. One line of the logger ``featlib`` says what was found
    where, what was left aside, and, where nothing names a size, that images keep their own.

    A card is a JSON object with a ``sha256`` of 64 hexadecimal digits, or with at least one of
    ``mean``, ``std``, ``size`` and ``classes``, all in their right form. Other JSON beside the
    weights is left aside.

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

    A network of one's own, in memory:

    >>> from torchvision.models import resnet18
    >>> own = weights.read_weights(resnet18(num_classes=7), size=128)
    >>> own.name, own.transform.size
    ('ResNet in memory', 128)
    """
    seed = checks.whole_number(seed, _WHERE, "seed", 0)
    with torch.device("cpu"):  # whatever the caller's default is
        loaded, notes = _read(_name(weights), sha256, seed)
    loaded = loaded if size is None else loaded.at(size)
    if loaded.transform.size is None and loaded.name not in _NAMES:
        notes.append("images keep their own size, and size=… sets another")
    if notes:
        log.warning("weights '%s': %s", loaded.name, "; ".join(notes))
    return loaded


def _name(weights: Any) -> Any:
    """Return featlib's own name for one that torchvision has."""
    enum = f"{type(weights).__name__}.{getattr(weights, 'name', '')}"
    if enum in _TORCHVISION or (isinstance(weights, str) and weights in _TORCHVISION):
        return "torchvision"
    if isinstance(weights, Path) and str(weights) in _NAMES and not weights.exists():
        weights = str(weights)
    return "bundled" if isinstance(weights, str) and weights == "imagenet" else weights


def _read(weights: Any, sha256: str | None, seed: int) -> tuple[Weights, list[str]]:
    """Return weights, and notes on what was found where."""
    if isinstance(weights, str) and weights in ("torchvision", "untrained"):
        _refuse_checksum(sha256)
        return _named(weights, seed), []
    if isinstance(weights, (Weights, nn.Module, Mapping)) or (
        isinstance(weights, (list, tuple)) and weights
    ):
        _refuse_checksum(sha256)
        return _from_memory(weights)
    bundled = isinstance(weights, str) and weights == "bundled"
    path = BUNDLED if bundled else _path(weights)
    content, card, notes = _bundled() if bundled else (_content(path), *_card(path))
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None:
        fix = "The file is cut off or altered: get it again."
        _check_digest(path, digest, _wanted_digest(sha256), fix)
    if "sha256" in card:
        fix = "The file is cut off or altered, or the card beside it is that of other weights: "
        fix += f"get both again, or move '{path.with_suffix('.json').name}' away."
        _check_digest(path, digest, card["sha256"], _REINSTALL if bundled else fix)
    state, more = _resnet18(_held(path, content), str(weights))
    transform, classes = _card_transform(card), _card_classes(card)
    if not card and digest.startswith(_PUBLISHED):
        classes = _imagenet_classes()
        more.append("these are torchvision's own, which were trained on photographs of 224×224")
    return Weights(state, transform, str(weights), classes), notes + more


def _named(name: str, seed: int) -> Weights:
    random = name == "untrained"
    state, _ = _resnet18(_random_state(seed) if random else _torchvision(), name)
    return Weights(state, IMAGENET_TRANSFORM, name, () if random else _imagenet_classes())


def _from_memory(weights: Any) -> tuple[Weights, list[str]]:
    if isinstance(weights, Weights):
        state, _ = _resnet18(weights.tensors, weights.name)
        return replace(weights, tensors=state), []
    is_module = isinstance(weights, nn.Module)
    name = f"{type(weights).__name__ if is_module else 'state dict'} in memory"
    try:
        held = flatten(weights)
        # A copy: training the module further must not change what is frozen.
        copies = {key: _copied(t) for key, t in held.items()}
    except Exception as error:  # a module may have a state_dict() of its own, which fails
        fix = "Pass the state dict of torchvision's resnet18."
        got = f"what cannot be looked through{_in_brackets(error)}"
        checks.refuse(f"weights '{name}'", "tensors that can be copied", got, fix)
    state, notes = _resnet18(copies, name)
    transform = getattr(weights, "transform", None)  # featlib's own Backbone brings one
    transform = transform if isinstance(transform, Transform) else IMAGENET_TRANSFORM
    return Weights(state, transform, name), notes


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    """Return a copy on the CPU; what has no numbers, or not one by one, is refused later."""
    if tensor.is_meta or tensor.layout != torch.strided:
        return tensor
    return tensor.to("cpu", copy=True)


def _refuse_checksum(sha256: Any) -> None:
    if sha256 is not None:
        wanted = "a checksum for the path of a file only"
        checks.refuse(_WHERE, wanted, f"sha256 as {describe(sha256)}", "Leave sha256 out.")


def _wanted_digest(sha256: Any) -> str:
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256.strip()):
        wanted = "sha256 as text of 64 hexadecimal digits"
        fix = "Pass all that hashlib's hexdigest() returns, or leave sha256 out."
        checks.refuse(_WHERE, wanted, describe(sha256), fix)
    return sha256.strip()


def _check_digest(path: Path, digest: str, wanted: str, fix: str) -> None:
    if digest != wanted.lower():
        got = f"one with {digest[:12]}…"
        checks.refuse(_WHERE, f"'{path}' with SHA-256 {wanted[:12]}…", got, fix)


def _content(path: Path) -> bytes:
    """Read a file once, so that what is hashed and what is used are the same bytes."""
    try:
        return read_regular(checks.file(path, _WHERE, "weights"), _LARGEST)
    except checks.FeatlibError:
        raise
    except ValueError as error:
        _not_weights(path, f"one that is {error}", _SAVE_ALONE)
    except (OSError, MemoryError) as error:
        fix = "Check the path, and whether you may read the file."
        _not_weights(path, f"a file that cannot be read{_in_brackets(error)}", fix)


def _in_brackets(error: BaseException) -> str:
    """Return what another library says of a fault, to stand behind our own words."""
    # What PyTorch says before that is advice to unpickle whatever it is.
    said = str(error).rpartition("WeightsUnpickler error: ")[2].strip()
    first = getattr(error, "strerror", None) or "".join(said.splitlines()[:1])
    return f" ({type(error).__name__}{f': {first[:150]}' if first else ''})"


def _path(weights: Any) -> Path:
    """Return the path of a weights file, or say what was probably meant."""
    if not isinstance(weights, (str, os.PathLike)):
        _unknown(weights)
    if weights == TORCHVISION_URL:
        fix = 'Use weights="torchvision", which downloads and checks it.'
        checks.refuse(_WHERE, "the path of weights", f"the address {weights}", fix)
    place = checks.path(weights, _WHERE, "weights")
    if not place.suffix and not place.exists():
        _unknown(str(weights))
    return place


def _unknown(weights: object) -> NoReturn:
    options = (*_NAMES, "a file's path")
    near = difflib.get_close_matches(str(weights), _NAMES, n=1, cutoff=0.7)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    checks.refuse(
        _WHERE,
        f"weights to be one of {', '.join(map(repr, options))}, or a ResNet18 in memory",
        describe(weights),
        _meant(weights) or f"Check the spelling.{hint}",
    )


def _meant(weights: Any) -> str:
    """Return what to pass instead of a value that is no name; empty where nothing is known."""
    kind, name = type(weights).__name__, getattr(weights, "__name__", "")
    if name == "ResNet18_Weights":
        return 'Use weights="torchvision", or ResNet18_Weights.DEFAULT.'
    if (name.startswith("ResNet") and name.endswith("_Weights")) or kind.endswith("_Weights"):
        return 'The network is always a ResNet18: use weights="torchvision".'
    if callable(weights) and name.isidentifier():
        return f"Pass what it makes: {name}(), if that is a ResNet18."
    if isinstance(weights, torch.Tensor):
        return "Pass the whole state dict: model.state_dict()."
    return (
        _MEANT.get(str(weights), "")
        if isinstance(weights, (str, bool, type(None)))
        else (
            ""
            if isinstance(weights, os.PathLike)
            else "Pass a name, a path, a module or a state dict."
        )
    )


def _random_state(seed: int) -> dict[str, torch.Tensor]:
    """Make the weights that torchvision's resnet18 starts its training with.

    Convolutions are random with a variance that keeps the size of what passes through (He et al.,
    2015, arXiv:1502.01852), and BatchNorm changes nothing at first.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)  # torch takes no higher ones
    state = {}
    for name, shape in sorted(SHAPES.items()):
        ones = name.endswith(("weight", "running_var"))
        state[name] = torch.ones(shape) if ones else torch.zeros(shape)
        if len(shape) > 1:
            nn.init.kaiming_normal_(
                state[name], mode="fan_out", nonlinearity="relu", generator=generator
            )
    return state


def _resnet18(held: Any, name: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the ResNet18 that stands somewhere in what was held, and notes on where.

    In float32: the bundled file holds float16 to halve its size, and all arithmetic is in float32.
    """
    try:
        tensors = flatten(held)
    except Exception as error:  # too many, or keys that cannot be written as text
        got = f"what cannot be looked through{_in_brackets(error)}"
        checks.refuse(f"weights '{name}'", "a checkpoint with a ResNet18 in it", got, _SAVE_ALONE)
    found = candidates(tensors)
    results = [(one, *complete(one.tensors, SHAPES)) for one in found]
    fits = [(one, state) for one, state, faults in results if not faults]
    if not fits:
        _refuse_other(name, tensors, results[0] if results else None)
    chosen, state = fits[0]
    state = {
        key: t.to(torch.float32 if t.ndim else torch.int64).contiguous() for key, t in state.items()
    }
    return state, list(_notes(chosen, several=len(found) > 1))


def _notes(chosen: Candidate, several: bool) -> Iterator[str]:
    if chosen.prefix:
        more = " (it holds several)" if several else ""
        yield f"its ResNet18 is the one under {chosen.prefix[:200]!r}{more}"
    if chosen.renamed:
        old, new = next(iter(chosen.renamed.items()))
        names = f"{new!r} for {old[:200]!r}"
        yield f"{len(chosen.renamed)} tensors got torchvision's names, such as {names}"
    if chosen.aside:
        groups = dict.fromkeys(_group(name, chosen.prefix) for name in chosen.aside)
        yield f"left aside: {_few((*groups,))}"
    if "fc.weight" not in chosen.tensors:
        yield "no final layer, which extraction does not need"


def _group(name: str, prefix: str) -> str:
    """Return a name up to where its way parts from that of a prefix: all of an optimizer is one."""
    parts = name.split(".")
    same = takewhile(lambda pair: pair[0] == pair[1], zip(parts, prefix.split("."), strict=False))
    return ".".join(parts[: 1 + len(list(same))])


def _few(names: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:200]) for name in names[:most]) + more


def _refuse_other(
    name: str,
    tensors: dict[str, torch.Tensor],
    nearest: tuple[Candidate, dict[str, torch.Tensor], dict[str, str]] | None,
) -> NoReturn:
    where, wanted = f"weights '{name}'", "the tensors of torchvision's resnet18, of finite numbers"
    if nearest is None:
        got = f"none named 'layer1.0.conv1.weight' among {len(tensors)}: {_few((*tensors,))}"
        got = got if tensors else "no tensors"
        guess = f"This is {probably(tensors)}."
        fix = "Save torchvision's resnet18 with torch.save(model.state_dict(), path)."
        checks.refuse(where, wanted, got, f"{guess} {fix}" if tensors else fix)
    candidate, _, faults = nearest
    first, words = next(iter(faults.items()))
    more = f", and {len(faults) - 1} more that do not fit" if len(faults) > 1 else ""
    checks.refuse(
        where,
        wanted,
        f"{(candidate.prefix + first)[:200]!r}: {words}{more}",
        f"This is probably {probably(candidate.tensors)}: take weights of torchvision's resnet18.",
    )


def _held(path: Path, content: bytes) -> Any:
    """Return what a file holds, with nothing run that it says.

    The head of a file says what it is, whatever its name. Safetensors: the length of the header in
    8 bytes, then the header, which is a JSON object.
    """
    head = content[: len(_OLD_TORCH)]
    is_torch = head.startswith(b"PK") or head == _OLD_TORCH
    if head[8:] == b"{" or (path.suffix.lower() == ".safetensors" and not is_torch):
        return _read_safetensors(path, content)
    if is_torch:
        return _read_torch(path, content)
    if head.startswith(b"\x80"):
        read = f"pickle.loads(pathlib.Path({str(path)!r}).read_bytes())"
        load_it = f"import pathlib, pickle, torch; held = {read}"
        _refuse_held(path, "a file of Python's pickle, which could run code", load_it)
    _not_weights(path, f"a file of another kind, which begins with {head!r}")


def _read_safetensors(path: Path, content: bytes) -> dict[str, torch.Tensor]:
    length = int.from_bytes(content[:8], "little")
    if 8 + length > len(content):
        _not_weights(path, "a .safetensors file that is cut off, or a file of another kind")
    # Counted before they are read, since reading millions takes a minute.
    count = content.count(b'"data_offsets"', 8, 8 + length)
    if length > _LARGEST_HEADER or count > MOST_TENSORS:
        got = f"a header of {length:,} bytes for {count:,} tensors; a ResNet18 has 122"
        _not_weights(path, got, _SAVE_ALONE)
    try:
        return load(content)
    except Exception as error:  # SafetensorError, and what PyTorch raises for odd shapes and dtypes
        _not_weights(path, f"a .safetensors file with a damaged header{_in_brackets(error)}")


def _refuse_large_pickles(path: Path, file: io.BytesIO, n: int = 1) -> None:
    """Refuse pickles, one behind the other, that would take long, or nest tuples without end.

    A key of tuples in each other is hashed by calls in each other, which end the whole process.
    """
    names = (code.name for _ in range(n) for code, _, _ in pickletools.genops(file))
    counts = Counter(islice(names, _MOST_PIECES))
    tuples = sum(count for name, count in counts.items() if name.startswith("TUPLE"))
    if sum(counts.values()) == _MOST_PIECES or tuples > 5 * MOST_TENSORS:
        got = f"one with more than {_MOST_PIECES:,} objects, or {5 * MOST_TENSORS:,} tuples"
        _not_weights(path, got, _SAVE_ALONE)


def _read_torch(path: Path, content: bytes) -> Any:
    try:
        if content.startswith(b"PK"):
            _refuse_archives(path, content)
        else:  # five pickles, then the numbers
            _refuse_large_pickles(path, io.BytesIO(content), 5)
        with safe_globals(_SAFE):
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except checks.FeatlibError:
        raise
    except Exception as error:  # a damaged zip or pickle makes PyTorch raise many kinds
        if kind := re.search(r"GLOBAL (\S+)", str(error)):
            load_it = f"import torch; held = torch.load({str(path)!r}, weights_only=False)"
            got = f"a pickled object of the class {kind[1][:200]}, which could run code"
            _refuse_held(path, got, load_it)
        got = f"a .pt file that is damaged, or holds more than tensors{_in_brackets(error)}"
        _not_weights(path, got)


def _refuse_held(path: Path, got: str, load: str) -> NoReturn:
    """Refuse what is read with another function, and say how to save the tensors alone."""
    fix = (
        f"If you trust the file, save its tensors alone, in two lines: {load}, then "
        "from featlib import weights; "
        "torch.save(weights.read_weights(held).tensors, 'weights.pt')."
    )
    _not_weights(path, got, fix)


def _refuse_archives(path: Path, content: bytes) -> None:
    """Refuse TorchScript, NumPy arrays, too many members, and a zip file that grows.

    PyTorch never compresses.
    """
    # The last record of a zip file says, from its twelfth byte on, how long the list of members is.
    end = content.rfind(b"PK\5\6") + 12
    if int.from_bytes(content[end : end + 4], "little") > _LARGEST_HEADER:
        _not_weights(path, "an archive of too many members", _SAVE_ALONE)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = file.infolist()
        if (size := sum(member.file_size for member in members)) > len(content):
            _not_weights(path, f"a file that unpacks to {size:,} bytes")
        for member in members:
            if member.filename.endswith("data.pkl"):
                del member.CRC  # torch.save can leave it out
                _refuse_large_pickles(path, io.BytesIO(file.read(member)))
    if any(member.filename.endswith("/constants.pkl") for member in members):
        _not_weights(
            path,
            "a TorchScript program",
            f"Save its tensors alone, in two lines: model = torch.jit.load({str(path)!r}), then "
            "torch.save(model.state_dict(), 'weights.pt').",
        )
    if members and all(member.filename.endswith(".npy") for member in members):
        load_it = f"import numpy, torch; held = dict(numpy.load({str(path)!r}))"
        _refuse_held(path, "an archive of NumPy's arrays", load_it)


def _not_weights(path: Path, got: str, fix: str = "") -> NoReturn:
    checks.refuse(
        f"weights '{path}'",
        "a .safetensors file, or a .pt file with a state dict of tensors only",
        got,
        fix or "Get the file again, or save it anew with torch.save(model.state_dict(), path).",
    )


def _torchvision() -> Any:
    """Return what torchvision's file holds: the copy in the cache, if it is whole, else a new one.

    As torchvision has it, the name of the file ends in how its SHA-256 begins.
    """
    name = TORCHVISION_URL.rpartition("/")[2]
    begins = name.rpartition("-")[2].partition(".")[0]
    path = paths.cache_dir() / "weights" / name
    try:
        content = read_regular(path, _LARGEST)
    except (OSError, ValueError):  # it is not there yet, or it is no such file
        content = b""
    if not hashlib.sha256(content).hexdigest().startswith(begins):
        _download(path, begins)
        content = _content(path)
        digest = hashlib.sha256(content).hexdigest()[: len(begins)]
        _check_digest(path, digest, begins, "Something else writes to this file: try again.")
    return _held(path, content)


def _download(path: Path, begins: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(TORCHVISION_URL, str(path), begins)
        cache.share(path.parent, path)
    except Exception as error:  # whatever answers may send anything
        checks.refuse(
            _WHERE,
            f"torchvision's weights from {TORCHVISION_URL}",
            f"no such file from there{_in_brackets(error)}",
            f"Check the network, and that you may write to '{path.parent}'; or use "
            'weights="bundled", which needs none.',
        )


def _imagenet_classes() -> tuple[str, ...]:
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def _bundled() -> tuple[bytes, dict[str, Any], list[str]]:
    try:
        return BUNDLED.read_bytes(), read_published(BUNDLED.with_suffix(".json")), []
    except (ValueError, OSError) as error:
        wanted = f"'{BUNDLED.stem}.safetensors' and its card '{BUNDLED.stem}.json' of featlib"
        got = f"one that is missing or not the same any more{_in_brackets(error)}"
        checks.refuse("weights 'bundled'", wanted, got, _REINSTALL)


def _card(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read the card beside a weights file; JSON that is no card of ours is left aside, with a note.

    A checksum in its right form makes it ours, even where the rest is damaged: a card that was cut
    off still counts. Without one, all that is used of a card must be in its right form.
    """
    card = path.with_suffix(".json")
    if not card.is_file():
        return {}, []
    aside = {}, [f"'{card.name}' is no card of featlib's and was left aside"]
    text = b""
    try:
        text = read_regular(card, _LARGEST_CARD)
        facts = parse_json(text)
        if not isinstance(facts, dict) or not any(key in facts for key in _CARD):
            return aside
        if not _SHA256.fullmatch(str(facts.get("sha256", "0" * 64))):
            return aside
        _card_classes(facts)
        _card_transform(facts)
    except (ValueError, OSError) as error:
        if isinstance(error, ValueError) and not _CARD_SHA256.search(text):
            return aside
        fix = "Fix the card, or move it away from the weights."
        got = f"one that is damaged{_in_brackets(error)}"
        checks.refuse(f"the card '{card}'", "a JSON object with facts on the weights", got, fix)
    return facts, []


def _card_classes(card: dict[str, Any]) -> tuple[str, ...]:
    classes = card.get("classes", [])
    entries = classes if isinstance(classes, list) else [None]
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    texts = tuple(name for name in names if isinstance(name, str))
    if len(texts) < len(names):
        raise ValueError("'classes' is no list of names, or of objects with a 'name'")
    return texts


def _card_transform(card: dict[str, Any]) -> Transform:
    mean = card.get("mean", IMAGENET_TRANSFORM.mean)
    std = card.get("std", IMAGENET_TRANSFORM.std)
    return Transform(mean, std, card.get("size"))
