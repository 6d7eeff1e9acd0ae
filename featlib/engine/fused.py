"""Stage 3, the arithmetic: what ResNet18 computes, with fewer operations.

BatchNorm is folded into the convolutions. Where oneDNN, PyTorch's library for Intel's and AMD's
processors, is fast and passes its trial, the layers of `onednn` take over: these add the shortcut
and apply ReLU while the result is still at hand.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn.functional import conv2d, max_pool2d

from featlib.engine import onednn, trial

EPSILON = 1e-5  # of torchvision's BatchNorm
STAGES = (1, 2, 3, 4)
BEGINNINGS = tuple(f"layer{n}.0.{part}" for n in STAGES[1:] for part in ("conv1", "downsample.0"))
HALVING = ("conv1", *BEGINNINGS)  # what they compute is half as wide and half as high
# Bytes of the maps that a part of the network computes at a time. More of them no longer fit into a
# processor's cache: at 224×224 pixels, the first part took twice as long for eight images together.
AT_ONCE = 6_400_000


class Convolution:
    """A convolution, then perhaps an addition, then perhaps ReLU, on any device.

    Parameters
    ----------
    weight : torch.Tensor
        O×C×K×K, of a floating-point dtype, K odd; the picture is padded by K // 2 on each side.
    bias : torch.Tensor
        O numbers of the dtype and on the device of the weight.
    stride : int
        Pixels from one place of the kernel to the next.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, stride: int) -> None:
        # The order of memory that a fast convolution wants: of a pixel, all channels in a row.
        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._bias, self._stride, self._padding = bias, stride, weight.shape[-1] // 2

    def __call__(
        self, x: torch.Tensor, add: torch.Tensor | None = None, relu: bool = True
    ) -> torch.Tensor:
        """Convolve.

        Parameters
        ----------
        x : torch.Tensor
            N×C×H×W, channels-last, of the dtype of the weight.
        add : torch.Tensor, optional
            N×O×H'×W', what to add to the result.
        relu : bool
            Whether to set negative results to 0.

        Returns
        -------
        torch.Tensor
            N×O×H'×W', channels-last, of the dtype of the weight.
        """
        y = conv2d(x, self._weight, self._bias, self._stride, self._padding)
        y = y if add is None else y.add_(add)
        return y.relu_() if relu else y


class FusedResNet18:
    """The network of He et al. (2015, arXiv:1512.03385) before its last layer, ready to compute.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        The state dict of torchvision's `resnet18`, float32, as it is after training.
    size : int
        Height and width of the images in pixels.
    device : {"cpu", "cuda", "mps"}
        Where to compute.
    dtype : torch.dtype
        In what to compute: float32 or bfloat16.
    """

    def __init__(
        self, state: Mapping[str, torch.Tensor], size: int, device: str, dtype: torch.dtype
    ) -> None:
        self.dtype = dtype
        self._at_once = [_images_at_once(part, size, dtype, device) for part in (0, *STAGES)]
        self.layers: dict[str, Callable[..., torch.Tensor]] = {}
        fast = has_onednn(device, dtype) and trial.works(dtype)
        with torch.no_grad():
            for name, folded in fold_batchnorm(state).items():
                weight, bias = (tensor.to(device, dtype) for tensor in folded)
                stride = 2 if name in HALVING else 1
                stage = int(name[5]) if name != "conv1" else 0
                if fast and stride == 1 and _side(size, stage + 1) == 2:
                    self.layers[name] = onednn.WholeMap(weight, bias)
                else:
                    kind = onednn.Convolution if fast else Convolution
                    self.layers[name] = kind(weight, bias, stride)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Compute features.

        Parameters
        ----------
        images : torch.Tensor
            float32 N×3×S×S on the device, preprocessed.

        Returns
        -------
        torch.Tensor
            N×512, of the network's dtype.
        """
        x = images
        for part, at_once in enumerate(self._at_once):
            compute = partial(self._stage, part) if part else self._stem
            pieces = [compute(piece) for piece in x.split(at_once)]
            x = torch.cat(pieces) if len(pieces) > 1 else pieces[0]
        return x.mean((2, 3))

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        x = self.layers["conv1"](images.to(self.dtype, memory_format=torch.channels_last))
        if x.dtype == torch.bfloat16 and x.device.type == "cpu":
            # After ReLU no number is below 0, so their bits, read as whole numbers, are in the same
            # order; and a processor compares whole numbers several times faster.
            x = x.view(torch.int16)
        return max_pool2d(x, 3, stride=2, padding=1).view(self.dtype)

    def _stage(self, stage: int, x: torch.Tensor) -> torch.Tensor:
        for block in (f"layer{stage}.{place}" for place in (0, 1)):
            shortcut = self.layers.get(f"{block}.downsample.0")
            y = self.layers[f"{block}.conv1"](x)
            past = shortcut(x, relu=False) if shortcut else x
            x = self.layers[f"{block}.conv2"](y, add=past)
        return x


def has_onednn(device: str, dtype: torch.dtype) -> bool:
    """Say whether this is a processor on which the layers of `onednn` are the faster ones.

    Parameters
    ----------
    device : {"cpu", "cuda", "mps"}
        Where to compute.
    dtype : torch.dtype
        float32 or bfloat16.

    Returns
    -------
    bool
        Whether it is an Intel or AMD processor with AVX-512, and with instructions for the dtype.
        With AVX2 alone, oneDNN's convolutions of weights that are laid out before were a third
        slower than PyTorch's own.
    """
    return (
        device == "cpu"
        and torch.backends.mkldnn.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and (dtype == torch.float32 or computes_bf16())
    )


def computes_bf16() -> bool:
    """Say whether PyTorch computes convolutions in bfloat16 with the processor's own instructions.

    Returns
    -------
    bool
        What PyTorch itself asks before such a convolution. False where it was built without oneDNN,
        as for macOS. Where only the question is missing, the kind of the processor answers:
        AVX-512 on Intel and AMD, SVE on ARM.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    ask = getattr(onednn.operators(), "_is_mkldnn_bf16_supported", None)
    if ask is None:
        return torch.backends.cpu.get_cpu_capability().startswith(("AVX512", "SVE"))
    return ask()


def fold_batchnorm(
    state: Mapping[str, torch.Tensor],
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return the weight and bias of each convolution, BatchNorm multiplied into them.

    In evaluation mode BatchNorm is a fixed scale and shift per channel, so it can be merged with
    the weights it follows (Ioffe and Szegedy, 2015, arXiv:1502.03167).

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        The state dict of torchvision's `resnet18`, float32.

    Returns
    -------
    dict of str to (torch.Tensor, torch.Tensor)
        By the name of the convolution: O×C×K×K and O, of the dtype of the state.
    """
    folded = {}
    for name in (key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4):
        norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
        scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPSILON).rsqrt()
        weight = state[f"{name}.weight"] * scale[:, None, None, None]
        folded[name] = weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return folded


def _images_at_once(part: int, size: int, dtype: torch.dtype, device: str) -> int:
    """Return how many images a part computes together: 0 is what stands before the stages."""
    if device != "cpu":
        return 2**31
    channels, halvings = (32 * 2**part, part + 1) if part else (64, 1)
    return max(1, AT_ONCE // (channels * _side(size, halvings) ** 2 * dtype.itemsize))


def _side(size: int, halvings: int) -> int:
    """Return the height and width of a map after some layers of stride 2, which round up."""
    return -(-size // 2**halvings)
