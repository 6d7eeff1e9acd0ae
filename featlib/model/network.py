"""The ResNet18 as an ONNX graph: small enough for a web page, or what is quantized once.

BatchNorm is folded into the convolutions. N, H and W may be anything.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from featlib.engine import fused

if TYPE_CHECKING:
    import onnx

__all__ = ["resnet18_onnx"]

_OPSET, _IR_VERSION = 17, 8  # which the programs of the last years read
_GROUP = 64  # weights that share a scale; each layer has a multiple of it
# Few weights, on which all later layers build: rounded, they alone made half of the error.
_EXACT = ("conv1", "layer1")


def resnet18_onnx(
    state: Mapping[str, torch.Tensor], *, eight_bits: bool = False
) -> "onnx.ModelProto":
    """Write what turns prepared pictures into features as an ONNX graph.

    Its input ``images`` is float32 N×3×H×W, as `preprocess.prepare` returns it; its output
    ``features`` is float32 N×512. It needs the package onnx.

    Parameters
    ----------
    state : mapping of str to torch.Tensor
        The state dict of torchvision's `resnet18`, float32.
    eight_bits : bool
        Whether to store the weights in 8 bits, each 64 in a row with a scale of their own: a
        quarter of the size. All but the first layers, which are small. It computes in float32.

    Returns
    -------
    onnx.ModelProto
        The same for the same tensors.

    Examples
    --------
    >>> from featlib import weights
    >>> from featlib.model.network import resnet18_onnx
    >>> state = weights.read_weights().state()
    >>> [round(resnet18_onnx(state, eight_bits=b).ByteSize() / 1e6) for b in (False, True)]
    [45, 12]
    """
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        list(_nodes(state, eight_bits, constants := [])),
        "resnet18",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 512])],
        constants,
    )
    opsets = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)


def _nodes(
    state: Mapping[str, torch.Tensor], eight_bits: bool, constants: "list[onnx.TensorProto]"
) -> "Iterator[onnx.NodeProto]":
    """Yield the nodes in the order in which they compute; put what they need into the list."""
    from onnx import helper, numpy_helper

    folded = fused.fold_batchnorm(state)

    def constant(array: np.ndarray, name: str) -> str:
        constants.append(numpy_helper.from_array(array, name))
        return name

    def node(kind: str, inputs: list[str], name: str, **facts: Any) -> "onnx.NodeProto":
        return helper.make_node(kind, inputs, [name], name=name, **facts)

    def convolution(layer: str, x: str) -> "Iterator[onnx.NodeProto]":
        weight, bias = (tensor.numpy() for tensor in folded[layer])
        name, side = f"{layer}.weight", weight.shape[-1]
        if eight_bits and not layer.startswith(_EXACT):
            whole, scale = _rounded(weight)
            shape = np.array(weight.shape, np.int64)
            # Not DequantizeLinear: that is computed at each run, and this when the file is loaded.
            yield node("Cast", [constant(whole, f"{name}.whole")], f"{name}.cast", to=1)
            scaled = [f"{name}.cast", constant(scale, f"{name}.scale")]
            yield node("Mul", scaled, f"{name}.scaled")
            yield node("Reshape", [f"{name}.scaled", constant(shape, f"{name}.shape")], name)
        else:
            constant(weight, name)
        stride = [2 if layer in fused.HALVING else 1] * 2
        places = {"kernel_shape": [side, side], "strides": stride, "pads": [side // 2] * 4}
        yield node("Conv", [x, name, constant(bias, f"{layer}.bias")], layer, **places)

    yield from convolution("conv1", "images")
    yield node("Relu", ["conv1"], "conv1.relu")
    x = "pool"
    yield node("MaxPool", ["conv1.relu"], x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for block in (f"layer{stage}.{place}" for stage in fused.STAGES for place in (0, 1)):
        yield from convolution(f"{block}.conv1", x)
        yield node("Relu", [f"{block}.conv1"], f"{block}.conv1.relu")
        yield from convolution(f"{block}.conv2", f"{block}.conv1.relu")
        shortcut = f"{block}.downsample.0"
        if shortcut in folded:
            yield from convolution(shortcut, x)
            x = shortcut
        yield node("Add", [f"{block}.conv2", x], f"{block}.sum")
        x = block
        yield node("Relu", [f"{block}.sum"], x)
    yield node("ReduceMean", [x], "features", axes=[2, 3], keepdims=0)


def _rounded(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whole numbers, int8 G×64, and the scale of each row, float32 G×1."""
    rows = weight.reshape(-1, _GROUP)
    scale = np.maximum(np.abs(rows).max(1, keepdims=True), np.finfo(np.float32).tiny) / 127
    return np.rint(rows / scale).astype(np.int8), scale.astype(np.float32)
