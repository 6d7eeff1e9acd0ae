"""Stage 3, the arithmetic: what ResNet18 computes, with fewer operations.

BatchNorm is folded into the convolutions. Where oneDNN, PyTorch's library for Intel's and AMD's
processors, can, a convolution also adds the shortcut and applies ReLU while its result is still at
hand, and its weights are laid out once instead of for each batch.
"""

import torch
from torch.nn.functional import conv2d, max_pool2d

CHANNELS_LAST = torch.channels_last
EPSILON = 1e-5  # of torchvision's BatchNorm
STAGES = (1, 2, 3, 4)
BEGINNINGS = tuple(f"layer{n}.0.{part}" for n in STAGES[1:] for part in ("conv1", "downsample.0"))
HALVING = ("conv1", *BEGINNINGS)  # what they compute is half as wide and half as high


class Convolution:
    """A convolution, then perhaps an addition, then perhaps ReLU.

    Parameters
    ----------
    weight : torch.Tensor
        O×C×K×K, K odd; the picture is padded by K // 2 on each side.
    bias : torch.Tensor
        O, of the dtype and on the device of the weight.
    stride : int
        Pixels from one place of the kernel to the next.
    """

    def __init__(self, weight, bias, stride):
        self.bias, self.stride, self.padding = bias, stride, weight.shape[-1] // 2
        self.onednn = has_onednn(weight.device.type, weight.dtype)
        if self.onednn:
            # The last two mean: no holes, no groups.
            self.places = [self.padding] * 2, [stride] * 2, [1, 1], 1
            self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.places)
        else:
            # The order of memory that a fast convolution wants: of a pixel, all channels in a row.
            self.weight = weight.contiguous(memory_format=CHANNELS_LAST)

    def __call__(self, x, add=None, relu=True):
        """Convolve.

        Parameters
        ----------
        x : torch.Tensor
            N×C×H×W, channels-last, of the dtype of the weight.
        add : torch.Tensor, optional
            What to add to the result; it is overwritten.
        relu : bool
            Whether to set negative results to 0.

        Returns
        -------
        torch.Tensor
            N×O×H'×W', channels-last.
        """
        if self.onednn:
            return self._fused(x, add, "relu" if relu else None)
        y = conv2d(x, self.weight, self.bias, self.stride, self.padding)
        y = y if add is None else y.add_(add)
        return y.relu_() if relu else y

    def _fused(self, x, add, then):
        # What torch.compile calls; here without the seconds that compiling takes.
        known = self.weight, self.bias, *self.places
        if add is None:
            return torch.ops.mkldnn._convolution_pointwise(x, *known, then or "none", [], "")
        add_in_place = torch.ops.mkldnn._convolution_pointwise_
        return add_in_place(add, x, *known, "add", 1.0, then, [], "")


class WholeMap:
    """A 3×3 convolution, then an addition or ReLU, on maps of 2×2 pixels: one matrix product.

    Each of the four places sees the whole map. A convolution would make 36 products for a pair of
    channels, 20 of them with padding, where this makes 16.

    Parameters
    ----------
    weight : torch.Tensor
        O×C×3×3, on a processor where `has_onednn`.
    bias : torch.Tensor
        O, of the dtype of the weight.
    """

    def __init__(self, weight, bias):
        rows = [weight[:, :, 1 - y : 3 - y, 1 - x : 3 - x] for y in (0, 1) for x in (0, 1)]
        matrix = torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in rows])
        self.weight = torch.ops.mkldnn._reorder_linear_weight(matrix)
        self.bias = bias.repeat(4)

    def __call__(self, x, add=None):
        """Convolve, add and apply ReLU, as `Convolution` does.

        Parameters
        ----------
        x : torch.Tensor
            N×C×2×2, channels-last.
        add : torch.Tensor, optional
            What to add to the result.

        Returns
        -------
        torch.Tensor
            N×O×2×2, channels-last.
        """
        flat = x.permute(0, 2, 3, 1).flatten(1)
        then = "relu" if add is None else "none"
        y = torch.ops.mkldnn._linear_pointwise(flat, self.weight, self.bias, then, [], "")
        y = y.unflatten(1, (2, 2, -1)).permute(0, 3, 1, 2)
        return y if add is None else y.add_(add).relu_()


class FusedResNet18:
    """The network of He et al. (2015, arXiv:1512.03385) before its last layer, ready to compute.

    Parameters
    ----------
    state : dict of str to torch.Tensor
        The state dict of torchvision's `resnet18`, as it is after training.
    size : int
        Height and width of the images in pixels.
    device : str
        Where to compute.
    dtype : torch.dtype
        In what to compute.
    """

    def __init__(self, state, size, device, dtype):
        self.dtype, self.layers = dtype, {}
        with torch.no_grad():
            for name, folded in fold_batchnorm(state).items():
                weight, bias = (tensor.to(device, dtype) for tensor in folded)
                stride = 2 if name in HALVING else 1
                whole = stride == 1 and _map_side(name, size) == 2 and has_onednn(device, dtype)
                layer = WholeMap(weight, bias) if whole else Convolution(weight, bias, stride)
                self.layers[name] = layer

    def __call__(self, images):
        """Compute features.

        Parameters
        ----------
        images : torch.Tensor
            float32 N×3×S×S on the device, preprocessed.

        Returns
        -------
        torch.Tensor
            N×512, of the dtype.
        """
        x = self.layers["conv1"](images.to(self.dtype, memory_format=CHANNELS_LAST))
        x = max_pool2d(x, 3, stride=2, padding=1)
        for block in (f"layer{stage}.{place}" for stage in STAGES for place in (0, 1)):
            shortcut = self.layers.get(f"{block}.downsample.0")
            y = self.layers[f"{block}.conv1"](x)
            past = shortcut(x, relu=False) if shortcut else x
            x = self.layers[f"{block}.conv2"](y, add=past)
        return x.mean((2, 3))


def has_onednn(device, dtype):
    """Say whether oneDNN can fuse here.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
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


def computes_bf16():
    """Say whether the processor has instructions for bfloat16.

    Returns
    -------
    bool
        What PyTorch itself asks before it computes a convolution in bfloat16.
    """
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()


def fold_batchnorm(state):
    """Return the weight and bias of each convolution, BatchNorm multiplied into them.

    In evaluation mode BatchNorm is a fixed scale and shift per channel, so it can be merged with
    the weights it follows (Ioffe and Szegedy, 2015, arXiv:1502.03167).

    Parameters
    ----------
    state : dict of str to torch.Tensor
        The state dict of torchvision's `resnet18`.

    Returns
    -------
    dict of str to (torch.Tensor, torch.Tensor)
    """
    folded = {}
    for name in (key.removesuffix(".weight") for key, value in state.items() if value.ndim == 4):
        norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
        scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPSILON).rsqrt()
        weight = state[f"{name}.weight"] * scale[:, None, None, None]
        folded[name] = weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return folded


def _map_side(name, size):
    """Return the height and width of what a layer of a stage computes: a quarter or less."""
    stage = int(name.removeprefix("layer")[0])
    return -(-size // 2 ** (stage + 1))
