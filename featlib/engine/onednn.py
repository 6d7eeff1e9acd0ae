"""Layers of oneDNN, PyTorch's library for Intel's and AMD's processors.

These are the operators that `torch.compile` calls; here they are called without the seconds that
compiling takes. PyTorch does not promise to keep them: their names begin with an underscore. So
`trial.works` compares these layers with public functions before a network is made of them.
"""

from typing import Any

import torch


class Convolution:
    """A convolution that adds and applies ReLU while its result is still at hand.

    Its weights are laid out for the processor once instead of for each batch.

    Parameters
    ----------
    weight : torch.Tensor
        float32 or bfloat16 O×C×K×K, K odd; the picture is padded by K // 2 on each side.
    bias : torch.Tensor
        O numbers of the dtype of the weight.
    stride : int
        Pixels from one place of the kernel to the next.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, stride: int) -> None:
        # The last two mean: no holes, no groups.
        places = [weight.shape[-1] // 2] * 2, [stride] * 2, [1, 1], 1
        laid_out = operators()._reorder_convolution_weight(weight, *places)
        self._known = laid_out, bias, *places

    def __call__(
        self, x: torch.Tensor, add: torch.Tensor | None = None, relu: bool = True
    ) -> torch.Tensor:
        """Convolve.

        Parameters
        ----------
        x : torch.Tensor
            N×C×H×W, channels-last, of the dtype of the weight.
        add : torch.Tensor, optional
            N×O×H'×W', what to add to the result; it is overwritten.
        relu : bool
            Whether to set negative results to 0.

        Returns
        -------
        torch.Tensor
            N×O×H'×W', channels-last.
        """
        if add is None:
            then = "relu" if relu else "none"
            return operators()._convolution_pointwise(x, *self._known, then, [], "")
        then = "relu" if relu else None
        add_in_place = operators()._convolution_pointwise_
        return add_in_place(add, x, *self._known, "add", 1.0, then, [], "")


class WholeMap:
    """A 3×3 convolution, then an addition or ReLU, on maps of 2×2 pixels: one matrix product.

    Each of the four places sees the whole map. A convolution would make 36 products for a pair of
    channels, 20 of them with padding, where this makes 16.

    Parameters
    ----------
    weight : torch.Tensor
        float32 or bfloat16 O×C×3×3.
    bias : torch.Tensor
        O numbers of the dtype of the weight.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        rows = [weight[:, :, 1 - y : 3 - y, 1 - x : 3 - x] for y in (0, 1) for x in (0, 1)]
        matrix = torch.cat([part.permute(0, 2, 3, 1).flatten(1) for part in rows])
        self._weight = operators()._reorder_linear_weight(matrix)
        self._bias = bias.repeat(4)

    def __call__(
        self, x: torch.Tensor, add: torch.Tensor | None = None, relu: bool = True
    ) -> torch.Tensor:
        """Convolve, add and apply ReLU, as `Convolution` does.

        Parameters
        ----------
        x : torch.Tensor
            N×C×2×2, channels-last, of the dtype of the weight.
        add : torch.Tensor, optional
            N×O×2×2, what to add to the result.
        relu : bool
            Whether to set negative results to 0.

        Returns
        -------
        torch.Tensor
            N×O×2×2, channels-last.
        """
        flat = x.permute(0, 2, 3, 1).flatten(1)
        then = "relu" if relu and add is None else "none"
        y = operators()._linear_pointwise(flat, self._weight, self._bias, then, [], "")
        y = y.unflatten(1, (2, 2, -1)).permute(0, 3, 1, 2)
        if add is None:
            return y
        y = y.add_(add)
        return y.relu_() if relu else y


def operators() -> Any:
    """Return the namespace of the operators; which ones it has depends on PyTorch's build.

    Returns
    -------
    object
        ``torch.ops.mkldnn``; a missing operator is an AttributeError when it is asked for.
    """
    return torch.ops.mkldnn
