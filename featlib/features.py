"""Stage 3: each image becomes 512 features, computed once and kept.

The result equals torchvision's own forward pass to 1e-4. It is faster for five reasons: batches in
channels-last order, BatchNorm folded into the convolutions, pixels kept as uint8 until their batch
is due, a thread for each batch, and a cache on disk, so that the same images are never computed
twice. More images than memory holds are the matter of `stream`.
"""

import hashlib
import importlib
import logging
from contextlib import nullcontext

import torch
from torch.nn.functional import conv2d, max_pool2d

from featlib import cache as cache_files
from featlib import checks, preprocess, threads
from featlib.backbone import fingerprint
from featlib.bars import bar
from featlib.images import ImageSet

log = logging.getLogger("featlib")

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
DEVICES = ("auto", "cpu", "cuda", "mps")
CHANNELS_LAST = torch.channels_last
EPSILON = 1e-5  # of torchvision's BatchNorm
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
    backbone : featlib.backbone.Backbone or featlib.backbone.Weights
        From `backbone.resnet18` or `backbone.read_weights`; it brings its own preprocessing.
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
        with bar("features", len(images), "image", progress) as done:
            for rows in threads.spread(forward, batches):
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
    backbone : featlib.backbone.Backbone or featlib.backbone.Weights
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
    if dtype == torch.bfloat16 and device == "cpu" and not computes_bf16():
        log.warning("features: this processor has no instructions for bf16; fp32 is faster here")
    with torch.no_grad():
        folded = {
            name: (weight.to(device, dtype, memory_format=CHANNELS_LAST), bias.to(device, dtype))
            for name, (weight, bias) in _fold_batchnorm(backbone.state()).items()
        }

    def forward(images):
        batch = preprocess.prepare(images.to(device), backbone.transform)
        with torch.inference_mode(), _exact(device):
            features = _resnet18(folded, batch.to(dtype, memory_format=CHANNELS_LAST))
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


def computes_bf16():
    """Say whether the processor has instructions for bfloat16.

    Returns
    -------
    bool
        What PyTorch itself asks before it computes a convolution in bfloat16.
    """
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


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


def __getattr__(name):
    """Import the transformer on its first use: scikit-learn costs a second."""
    if name == "FeatureExtractor":
        return importlib.import_module("featlib.extractor").FeatureExtractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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


def _fold_batchnorm(state):
    """Return the weight and bias of each convolution, BatchNorm multiplied into them.

    In evaluation mode BatchNorm is a fixed scale and shift per channel, so it can be merged with
    the weights it follows (Ioffe and Szegedy, 2015, arXiv:1502.03167).
    """
    folded = {}
    for name in (key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4):
        norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
        scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPSILON).rsqrt()
        weight = state[f"{name}.weight"] * scale[:, None, None, None]
        folded[name] = weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return folded


def _resnet18(folded, x):
    """Compute what torchvision's resnet18 computes before its last layer, with fewer operations.

    The network is that of He et al. (2015, arXiv:1512.03385), without BatchNorm, and in place
    where nobody else reads what is overwritten.
    """
    x = conv2d(x, *folded["conv1"], stride=2, padding=3).relu_()
    x = max_pool2d(x, 3, stride=2, padding=1)
    for block in (f"layer{stage}.{place}" for stage in (1, 2, 3, 4) for place in (0, 1)):
        shortcut = folded.get(f"{block}.downsample.0")
        stride = 2 if shortcut else 1  # where the picture is halved, so is the shortcut
        y = conv2d(x, *folded[f"{block}.conv1"], stride=stride, padding=1).relu_()
        y = conv2d(y, *folded[f"{block}.conv2"], padding=1)
        x = y.add_(conv2d(x, *shortcut, stride=stride) if shortcut else x).relu_()
    return x.mean((2, 3))
