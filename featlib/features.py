"""Stage 3: each image becomes 512 features, computed once and kept.

The result equals torchvision's own forward pass to 1e-4. It is faster for four reasons: the network
of `engine.fused`; pixels that stay uint8 until their batch is computed; a thread for each batch;
and a cache on disk, so that the same images are never computed twice. For more images than fit in
memory there is `scale.shards`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from featlib import checks, preprocess
from featlib.backbone import Backbone, fingerprint
from featlib.engine import cache as cache_files
from featlib.engine import forks, fused, int8, threads
from featlib.engine.cache import PIECE
from featlib.engine.float32 import full_float32
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import reason
from featlib.images import ImageSet
from featlib.weights import Weights

__all__ = [
    "DEVICES",
    "PIECE",
    "PRECISIONS",
    "cache_paths",
    "choose_device",
    "extract",
    "extract_or_read",
    "fast_forward",
    "is_cached",
]

log = logging.getLogger("featlib")

_Result = TypeVar("_Result")

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "int8": torch.int8}
DEVICES = ("auto", "cpu", "cuda", "mps")
_MAKERS = {"cuda": "NVIDIA", "mps": "Apple"}
_WHERE = "features.extract"
_INT8 = 'precision="int8"'
_CACHE_VERSION = 1  # raise when the same images would give other features
_MAKING = forks.lock()  # the threads of the first batches would each make a network


def extract(
    images: ImageSet | torch.Tensor,
    backbone: Backbone | Weights,
    *,
    batch_size: int = 64,
    precision: str = "fp32",
    device: str = "auto",
    cache: bool = True,
    progress: bool = True,
) -> torch.Tensor:
    """Turn images into features with a frozen backbone.

    Parameters
    ----------
    images : featlib.images.ImageSet or torch.Tensor
        uint8 N×3×H×W (values 0–255), or float32 N×3×H×W (values 0–1).
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18` or `weights.read_weights`; it brings its own preprocessing.
    batch_size : int
        The most images in one forward pass.
    precision : {"fp32", "bf16", "int8"}
        ``"fp32"`` is exact; ``"bf16"`` computes in bfloat16, which is faster where the processor
        has instructions for it (AVX-512, AMX, newer ARM). Elsewhere it is far slower, and a
        warning says so. ``"int8"`` computes with whole numbers of 8 bits, on the processor, with
        the bundled weights only. It is fastest where there is no AMX, and at 224
        pixels with it, too. It needs ``pip install 'featlib[int8]'``; train and validate a head on
        features of the same precision.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute; ``"auto"`` takes a GPU where there is one.
    cache : bool
        Whether to read the features from the cache folder, and to keep them there.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    torch.Tensor
        float32 N×512, in the order of the images.

    Raises
    ------
    featlib.FeatlibError
        If the images or a setting are not as above.

    Examples
    --------
    >>> from featlib import features, images, weights
    >>> pictures = images.load("emoji10").pixels[:4]
    >>> rows = features.extract(pictures, weights.read_weights(), cache=False, progress=False)
    >>> rows.shape, rows.dtype
    (torch.Size([4, 512]), torch.float32)
    """
    settings = {"batch_size": batch_size, "precision": precision, "device": device}
    return extract_or_read(images, backbone, **settings, cache=cache, progress=progress)[0]


def extract_or_read(
    images: ImageSet | torch.Tensor,
    backbone: Backbone | Weights,
    *,
    batch_size: int = 64,
    precision: str = "fp32",
    device: str = "auto",
    cache: bool = True,
    progress: bool = True,
) -> tuple[torch.Tensor, bool]:
    """Do what `extract` does, and say whether all features came from the cache.

    Parameters
    ----------
    images : featlib.images.ImageSet or torch.Tensor
        uint8 N×3×H×W (values 0–255), or float32 N×3×H×W (values 0–1).
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        As for `extract`.
    batch_size, precision, device, cache, progress
        As for `extract`.

    Returns
    -------
    features : torch.Tensor
        float32 N×512, in the order of the images.
    from_cache : bool
        True where all were read; False where any were computed, such as those of a damaged file.

    Raises
    ------
    featlib.FeatlibError
        If the images or a setting are not as above.

    Examples
    --------
    >>> from featlib import features, images, weights
    >>> pictures = images.load("emoji10").pixels[:4]
    >>> rows, from_cache = features.extract_or_read(pictures, weights.read_weights())
    >>> again, from_cache = features.extract_or_read(pictures, weights.read_weights())
    >>> from_cache, rows.equal(again)
    (True, True)
    """
    images = _as_tensor(images)
    batch_size = min(checks.whole_number(batch_size, _WHERE, "batch_size"), PIECE)
    cache = checks.switch(cache, _WHERE, "cache")
    progress = checks.switch(progress, _WHERE, "progress")
    pieces = images.split(PIECE)
    paths = cache_paths(images, backbone, precision, device) if cache else [None] * len(pieces)
    known = {i: rows for i, path in enumerate(paths) if (rows := _kept(path)) is not None}
    if len(known) == len(pieces):
        return torch.cat(list(known.values())), True
    forward = fast_forward(backbone, precision, device)
    if _check(backbone, precision, device) == "cpu":  # a GPU takes as many as it is given
        side = backbone.transform.side(*images.shape[-2:])
        batch_size = threads.batch_size(min(len(images), PIECE), batch_size, side)
    before = sum(map(len, known.values()))
    with progress_bar("features", len(images), "image", progress, done=before) as done:
        for i, (piece, path) in enumerate(zip(pieces, paths, strict=True)):
            if i not in known:
                known[i] = _compute(piece, forward, batch_size, done.update)
                if path:
                    cache_files.write(path, known[i])
    return torch.cat([known[i] for i in range(len(pieces))]), False


def _kept(path: Path | None) -> torch.Tensor | None:
    return cache_files.read(path)[0] if path else None


def _compute(
    images: torch.Tensor,
    forward: Callable[[torch.Tensor], torch.Tensor],
    batch_size: int,
    tick: Callable[[int], object],
) -> torch.Tensor:
    parts = []
    for rows in threads.map_ordered(forward, images.split(batch_size)):
        parts.append(rows)
        tick(len(rows))
    return torch.cat(parts)


def fast_forward(
    backbone: Backbone | Weights, precision: str = "fp32", device: str = "auto"
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that computes the features of a batch, as fast as possible.

    What is the same for every batch of a size is done with its first, once: BatchNorm is folded
    into the convolutions, and the weights are laid out for the device.

    Parameters
    ----------
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        It stays as it is.
    precision : {"fp32", "bf16", "int8"}
        As for `extract`.
    device : {"auto", "cpu", "cuda", "mps"}
        As for `extract`.

    Returns
    -------
    callable
        From a tensor of images (uint8 N×3×H×W, or float32 N×3×H×W within 0–1) to their features,
        float32 N×512 on the CPU.

    Raises
    ------
    featlib.FeatlibError
        If a setting is unknown, or the device is not there.

    Examples
    --------
    >>> from featlib import features, images, weights
    >>> forward = features.fast_forward(weights.read_weights())
    >>> pixels = images.load("emoji10").pixels
    >>> for batch in pixels[:6].split(2):
    ...     print(tuple(forward(batch).shape))
    (2, 512)
    (2, 512)
    (2, 512)
    """
    device, dtype = _check(backbone, precision, device), PRECISIONS[precision]
    if dtype == torch.int8:
        return _int8_forward(backbone)
    if dtype == torch.bfloat16 and device == "cpu" and not fused.computes_bf16():
        log.warning("features: this processor has no instructions for bf16; fp32 is faster here")
    state = backbone.state()
    networks: dict[int, fused.FusedResNet18] = {}

    def network(size: int) -> fused.FusedResNet18:
        with _MAKING:
            if size not in networks:
                networks[size] = fused.FusedResNet18(state, size, device, dtype)
            return networks[size]

    def forward(images: torch.Tensor) -> torch.Tensor:
        compute = network(backbone.transform.side(*images.shape[-2:]))
        with torch.inference_mode(), full_float32(device):
            features = compute(preprocess.prepare(images.to(device), backbone.transform))
        return features.float().cpu()

    return forward


def _int8_forward(backbone: Backbone | Weights) -> Callable[[torch.Tensor], torch.Tensor]:
    state, made_from = backbone.state(), _published(int8.made_from)
    if fingerprint(state) != made_from:
        got, fix = f"'{backbone.name}'", 'Use precision="bf16" or "fp32", which take any weights.'
        checks.refuse(_INT8, "the bundled weights, which were quantized beforehand", got, fix)
    n_threads = torch.get_num_threads()  # each of them will see 1
    networks: dict[int, Callable[[np.ndarray], np.ndarray]] = {}

    def network(size: int) -> Callable[[np.ndarray], np.ndarray]:
        with _MAKING:
            if size not in networks:
                networks[size] = _published(int8.network, int8.library(), size, n_threads)
            return networks[size]

    def forward(images: torch.Tensor) -> torch.Tensor:
        compute = network(backbone.transform.side(*images.shape[-2:]))
        with torch.inference_mode():
            prepared = preprocess.prepare(images, backbone.transform).contiguous()
        return torch.from_numpy(compute(prepared.numpy()))

    return forward


def _published(read: Callable[..., _Result], *arguments: object) -> _Result:
    """Call what reads the quantized network, and say what to do if that fails."""
    try:
        return read(*arguments)
    except ImportError as error:
        fix = "Install it anew: pip install --force-reinstall 'featlib[int8]'."
        checks.refuse(_INT8, f"the package {int8.library()}", reason(error), fix)
    except (ValueError, OSError) as error:
        wanted = f"'{int8.FILE.name}' and its card, as they come with featlib"
        checks.refuse(_INT8, wanted, reason(error), "Reinstall featlib.")


def choose_device(device: str = "auto") -> str:
    """Return the device to compute on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "mps"}
        ``"auto"``: an NVIDIA GPU, else an Apple GPU, else the processor.

    Returns
    -------
    str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises
    ------
    featlib.FeatlibError
        If the name is unknown, or the device is not there.

    Examples
    --------
    >>> from featlib import features
    >>> features.choose_device("cpu")
    'cpu'
    >>> features.choose_device() in ("cpu", "cuda", "mps")
    True
    """
    device = str(device) if isinstance(device, torch.device) else device
    checks.one_of(device, "features", "device", DEVICES)
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device == "auto":
        return next((name for name, found in there.items() if found()), "cpu")
    if device in there and not there[device]():
        got = f"none here, since PyTorch finds no {_MAKERS[device]} GPU"
        checks.refuse("features", f"the device '{device}'", got, 'Use device="auto".')
    return device


def is_cached(
    images: ImageSet | torch.Tensor,
    backbone: Backbone | Weights,
    precision: str = "fp32",
    device: str = "auto",
) -> bool:
    """Say whether there is a cache entry that `extract` would read instead of computing.

    Parameters
    ----------
    images : featlib.images.ImageSet or torch.Tensor
        uint8 N×3×H×W, or float32 N×3×H×W within 0–1.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        As for `extract`.
    precision : {"fp32", "bf16", "int8"}
        As for `extract`.
    device : {"auto", "cpu", "cuda", "mps"}
        As for `extract`.

    Returns
    -------
    bool
        Whether the files are there and may be read. A damaged one counts: `extract` notices, and
        makes it again; whether it did, `extract_or_read` says.

    Raises
    ------
    featlib.FeatlibError
        If the images are not as above, or the device is not there.

    Examples
    --------
    >>> import torch
    >>> from featlib import features, weights
    >>> noise = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    >>> features.is_cached(noise, weights.read_weights())  # nobody has seen these images before
    False
    """
    return all(map(cache_files.has, cache_paths(images, backbone, precision, device)))


def cache_paths(
    images: ImageSet | torch.Tensor,
    backbone: Backbone | Weights,
    precision: str = "fp32",
    device: str = "auto",
) -> list[Path]:
    """Return the files that keep the features of exactly these images and weights.

    There is one for each 1024 images, so that a run that is stopped goes on where it was. The name
    is a hash of the content: pixels, weights and buffers, preprocessing, precision, and the kind of
    device, since a GPU rounds differently. When any of them changes, so does the name: the cache is
    never out of date.

    Parameters
    ----------
    images : featlib.images.ImageSet or torch.Tensor
        uint8 N×3×H×W, or float32 N×3×H×W within 0–1.
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        As for `extract`.
    precision : {"fp32", "bf16", "int8"}
        As for `extract`.
    device : {"auto", "cpu", "cuda", "mps"}
        As for `extract`.

    Returns
    -------
    list of pathlib.Path
        The files need not be there yet.

    Raises
    ------
    featlib.FeatlibError
        If the images are not as above, or the device is not there.

    Examples
    --------
    >>> import torch
    >>> from featlib import features, weights
    >>> loaded, pixels = weights.read_weights(), torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    >>> before = features.cache_paths(pixels, loaded)
    >>> pixels[0, 0, 0, 0] = 1  # one value of one pixel
    >>> features.cache_paths(pixels, loaded) == before
    False
    """
    images = _as_tensor(images)
    where = _check(backbone, precision, device).removeprefix("cpu")
    if precision == "int8":  # either library rounds in its own way
        where = f" {int8.library()} {_published(int8.made_from)}"
    transform = backbone.transform.at(*images.shape[-2:])
    rest = f"{transform!r} {precision}{where} {_CACHE_VERSION}"
    same = f"{fingerprint(backbone.state())}{rest}".encode()
    return [_entry(piece, same) for piece in images.split(PIECE)]


def _entry(images: torch.Tensor, rest: bytes) -> Path:
    digest = hashlib.sha256(f"{images.dtype} {tuple(images.shape)}".encode())
    digest.update(images.contiguous().view(torch.uint8).numpy().data)
    digest.update(rest)
    return cache_files.entry("features", digest.hexdigest())


def _as_tensor(images: ImageSet | torch.Tensor) -> torch.Tensor:
    images = images.pixels if isinstance(images, ImageSet) else images
    if "float" in str(getattr(images, "dtype", "")):
        checks.unit_images(images, _WHERE)
    else:
        checks.pixels(images, _WHERE)
    return images.detach().resolve_neg()  # otherwise their bytes cannot be hashed


def _check(backbone: Backbone | Weights, precision: str, device: str) -> str:
    """Check what features are computed with, and return the device."""
    fix = "Get one with weights.read_weights()."
    if isinstance(backbone, (str, Path)):
        fix = f"Read it first: weights.read_weights({str(backbone)!r})."
    elif isinstance(backbone, (nn.Module, Mapping)):
        fix = "If it is a ResNet18, pass weights.read_weights(network)."
    kinds = (Backbone, Weights)
    checks.instance(backbone, kinds, "features", "a frozen backbone, or weights", fix)
    checks.one_of(precision, "features", "precision", PRECISIONS)
    device = choose_device("cpu" if (precision, device) == ("int8", "auto") else device)
    if precision == "int8":
        if device != "cpu":
            fix = 'Use device="cpu", or precision="bf16".'
            checks.refuse(_INT8, "the processor to compute on", f"the device '{device}'", fix)
        if not int8.library():
            fix = "Install one: pip install 'featlib[int8]'."
            checks.refuse(_INT8, "OpenVINO or ONNX Runtime", "neither is installed", fix)
    return device
