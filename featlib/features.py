"""Stage 3: each image becomes 512 features, computed once and kept.

The result equals torchvision's own forward pass to 1e-4. It is faster for four reasons: the network
of `fused`, pixels kept as uint8 until their batch is due, a thread for each batch, and a cache on
disk, so that the same images are never computed twice. More images than memory holds are the matter
of `scale.shards`.
"""

import hashlib
import logging
from contextlib import nullcontext

import torch

from featlib import checks, preprocess
from featlib.backbone import fingerprint
from featlib.engine import cache as cache_files
from featlib.engine import fused, threads
from featlib.engine.progress_bar import progress_bar
from featlib.images import ImageSet

log = logging.getLogger("featlib")

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
DEVICES = ("auto", "cpu", "cuda", "mps")
CACHE_VERSION = 1


def extract(
    images,
    backbone,
    *,
    batch_size=64,
    precision="fp32",
    device="auto",
    cache=True,
    progress=True,
):
    """Turn images into features with a frozen backbone.

    Parameters
    ----------
    images : featlib.images.ImageSet or torch.Tensor
        uint8 N×3×H×W (values 0–255), or float32 N×3×H×W (values 0–1).
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        From `backbone.resnet18` or `weights.read_weights`; it brings its own preprocessing.
    batch_size : int
        Images a forward pass, at most.
    precision : {"fp32", "bf16"}
        ``"fp32"`` is exact; ``"bf16"`` computes in bfloat16, which is faster where the processor
        has instructions for it (AVX-512, AMX, newer ARM), and far slower elsewhere: then a warning
        says so.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute; ``"auto"`` takes a GPU where there is one.
    cache : bool
        Whether to read and keep the features in `paths.cache_dir`.
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
    """
    images = _as_tensor(images)
    checks.whole_number(batch_size, "features.extract", "batch_size")
    path = cache_path(images, backbone, precision, device) if cache else None
    features, _ = cache_files.read(path) if cache else (None, "")
    if features is None:
        forward = fast_forward(backbone, precision, device)
        batches = images.split(threads.batch_size(len(images), batch_size))
        features = []
        with progress_bar("features", len(images), "image", progress) as done:
            for rows in threads.map_ordered(forward, batches):
                features.append(rows)
                done.update(len(rows))
        features = torch.cat(features)
        if cache:
            cache_files.write(path, features)
    return features


def fast_forward(backbone, precision="fp32", device="auto"):
    """Return a function that computes features of one batch after another, as fast as it can.

    What is the same for every batch is done here, once: BatchNorm is folded into the convolutions,
    and the weights are laid out for the device.

    Parameters
    ----------
    backbone : featlib.backbone.Backbone or featlib.weights.Weights
        It stays as it is.
    precision, device
        As for `extract`.

    Returns
    -------
    callable
        From images, as `extract` takes them, to float32 N×512 on the CPU.

    Raises
    ------
    featlib.FeatlibError
        If a setting is unknown, or the device is not there.
    """
    checks.one_of(precision, "features", "precision", PRECISIONS)
    device, dtype = choose_device(device), PRECISIONS[precision]
    if dtype == torch.bfloat16 and device == "cpu" and not fused.computes_bf16():
        log.warning("features: this processor has no instructions for bf16; fp32 is faster here")
    network = fused.FusedResNet18(backbone.state(), backbone.transform.size, device, dtype)

    def forward(images):
        with torch.inference_mode(), _exact(device):
            features = network(preprocess.prepare(images.to(device), backbone.transform))
        return features.float().cpu()

    return forward


def choose_device(device="auto"):
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
        If the device is not there.
    """
    checks.one_of(device, "features", "device", DEVICES)
    there = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if device == "auto":
        return next((name for name, found in there.items() if found()), "cpu")
    if device in there and not there[device]():
        checks.refuse("features", f"the device '{device}'", "none here", 'Use device="auto".')
    return device


def is_cached(images, backbone, precision="fp32", device="auto"):
    """Say whether there is a cache entry that `extract` would read instead of computing.

    Parameters
    ----------
    images, backbone, precision, device
        As for `extract`.

    Returns
    -------
    bool
    """
    return cache_path(images, backbone, precision, device).is_file()


def cache_path(images, backbone, precision="fp32", device="auto"):
    """Return the file in which the features of these very images and weights are kept.

    The name is a hash of the content: pixels, weights and buffers, preprocessing, precision, and
    the kind of device, since a GPU rounds otherwise. Change any of them and the name changes, so
    that the cache is never out of date.

    Parameters
    ----------
    images, backbone, precision, device
        As for `extract`.

    Returns
    -------
    pathlib.Path
    """
    images = _as_tensor(images).contiguous()
    digest = hashlib.sha256(f"{images.dtype} {tuple(images.shape)}".encode())
    digest.update(images.view(torch.uint8).numpy())
    digest.update(fingerprint(backbone.state()).encode())
    where = choose_device(device).removeprefix("cpu")
    digest.update(f"{backbone.transform!r} {precision}{where} {CACHE_VERSION}".encode())
    return cache_files.entry("features", digest.hexdigest())


def _as_tensor(images):
    images = images.pixels if isinstance(images, ImageSet) else images
    if getattr(images, "dtype", None) == torch.float32:
        checks.unit_images(images, "features.extract")
    else:
        checks.pixels(images, "features.extract")
    return images


def _exact(device):
    """Let no NVIDIA GPU round the inputs of its convolutions to 10 bits, as is its default."""
    return torch.backends.cudnn.flags(allow_tf32=False) if device == "cuda" else nullcontext()
