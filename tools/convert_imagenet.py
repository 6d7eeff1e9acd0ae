"""Write the bundled weights from the ONNX file in which ML.NET publishes its ResNet18.

    python tools/convert_imagenet.py ResNet18.onnx --out weights

The file is ``ResNet18.onnx`` of the NuGet package ``Microsoft.ML.DnnImageFeaturizer.ResNet18``
0.23.1 (MIT, .NET Foundation and Contributors), which CNTK trained on ImageNet. It ends at the 512
features. The final layer is made by ``train_fc.py``; this tool takes over the bundled one.

Four things differ from torchvision's `resnet18`. For the first three the tool changes the numbers
so that the network computes the same as before:

- The input is blue, green, red, from 0 to 255, less a mean. Here it is red, green, blue, from 0 to
  1, less a mean and divided by a std. So the first convolution gets its channels in the other
  order, multiplied by 255 · std.
- The names are numbers. The order of the nodes says which layer is which.
- Some variances of BatchNorm are larger than float16 can hold. Each convolution is divided by the
  square root of (its variance + epsilon), and the variance becomes 1 − epsilon.
- The fourth stage has three blocks, torchvision's has two. The third is left out. What that changes
  is in README.md, beside this file.

One thing is only nearly the same: the package subtracts a mean picture, featlib ImageNet's mean of
each channel. On average over the picture the two are 3 to 5 of 255 apart.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper
from safetensors.torch import load, save

from featlib import checks, weights
from featlib.engine.files import atomic_write, sha256
from featlib.engine.fused import EPSILON, HALVING

NAME = "resnet18-imagenet.safetensors"
PUBLISHED = "e2552f19db2dfdb01b3669537b6a0f1b44da38d18279535492ed5dfc2ef1ff8f"  # its SHA-256
WHERE = "convert_imagenet"
FINAL = ("fc.weight", "fc.bias")
# The convolutions in the order in which CNTK writes them: in a block the shortcut comes first.
CONVOLUTIONS = (
    "conv1",
    *(
        f"layer{stage}.{block}.{part}"
        for stage in (1, 2, 3, 4)
        for block in (0, 1)
        for part in ("downsample.0", "conv1", "conv2")
        if part != "downsample.0" or (stage > 1 and block == 0)
    ),
)
LEFT_OUT = ("layer4.2.conv1", "layer4.2.conv2")


class Layer(NamedTuple):
    """A convolution and the BatchNorm after it.

    Attributes
    ----------
    weight : torch.Tensor
        float32 O×C×K×K.
    scale, shift, mean, variance : torch.Tensor
        float32 O each: BatchNorm's numbers.
    form : str
        Kernel, stride and padding of the convolution, in words.
    """

    weight: torch.Tensor
    scale: torch.Tensor
    shift: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    form: str


def convert(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """Return the weights of a ResNet18 in ONNX under torchvision's names.

    Parameters
    ----------
    model : onnx.ModelProto
        With the layers of `CONVOLUTIONS` in this order, each followed by its BatchNorm, and perhaps
        with those of `LEFT_OUT`.

    Returns
    -------
    dict of str to torch.Tensor
        float16, without the final layer; BatchNorm's counters int64.

    Raises
    ------
    featlib.FeatlibError
        If the graph is of another layout, or a number is too large for float16.
    """
    layers = list(_layers(model))
    names = CONVOLUTIONS + (LEFT_OUT if len(layers) > len(CONVOLUTIONS) else ())
    if len(layers) != len(names):
        _refuse(
            f"{len(CONVOLUTIONS)} convolutions with BatchNorm, or {len(LEFT_OUT)} more",
            f"{len(layers)}",
        )
    for name, layer in zip(names, layers, strict=True):
        _check(name, layer)
    state = {}
    for name, layer in zip(CONVOLUTIONS, layers, strict=False):  # LEFT_OUT comes last
        state |= _named(name, layer)
    return state


def _layers(model: onnx.ModelProto) -> Iterator[Layer]:
    """Yield each convolution and its BatchNorm, in the order of the file."""
    numbers = {tensor.name: tensor for tensor in model.graph.initializer}
    made_by = {output: node for node in model.graph.node for output in node.output}
    for norm in model.graph.node:
        if norm.op_type != "BatchNormalization":
            continue
        convolution = made_by.get(norm.input[0])
        if convolution is None or convolution.op_type != "Conv":
            _refuse("a convolution before each BatchNorm", f"none before '{norm.output[0]}'")
        epsilon = _settings(norm).get("epsilon", EPSILON)  # ONNX has the same default
        if abs(epsilon - EPSILON) > 1e-9:
            _refuse(f"BatchNorm with epsilon {EPSILON:g}", f"{epsilon:g} in '{norm.output[0]}'")
        names = convolution.input[1], *norm.input[1:]
        if unknown := [name for name in names if name not in numbers]:
            _refuse("all weights in the file", f"none of the name '{unknown[0]}'")
        parts = [torch.from_numpy(numpy_helper.to_array(numbers[name]).copy()) for name in names]
        yield Layer(*parts, form=_form(convolution, parts[0].shape[2:]))


def _form(convolution: onnx.NodeProto, kernel: Sequence[int]) -> str:
    """Describe a convolution, with all that a plain one of torchvision does not have.

    The padding at the end is left out. Where the stride is 2, CNTK pads one less there than
    torchvision: on even sizes nothing ever reads that last row.
    """
    settings = _settings(convolution)
    words = _words(kernel, settings.get("strides", (1, 1)), settings.get("pads", (0, 0, 0, 0))[:2])
    extra = {
        "a bias": len(convolution.input) > 2,
        "groups": settings.get("group", 1) != 1,
        "dilation": any(step != 1 for step in settings.get("dilations", ())),
        "automatic padding": settings.get("auto_pad", b"NOTSET") != b"NOTSET",
    }
    return ", ".join([words, *(name for name, there in extra.items() if there)])


def _words(kernel: Sequence[int], strides: Sequence[int], start: Sequence[int]) -> str:
    sides, steps, rows = ("×".join(map(str, numbers)) for numbers in (kernel, strides, start))
    return f"kernel {sides}, stride {steps}, padding {rows} at the start"


def _settings(node: onnx.NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def _check(name: str, layer: Layer) -> None:
    """Refuse a convolution that is not what torchvision has in this place."""
    side = 7 if name == "conv1" else 1 if "downsample" in name else 3
    stride = 2 if name in HALVING else 1
    due = _words([side] * 2, [stride] * 2, [side // 2] * 2)
    if layer.form != due:
        _refuse(f"'{name}' with {due}", layer.form)
    if name == "conv1" and layer.weight.shape[1] != 3:
        _refuse("an input of three color channels", f"{layer.weight.shape[1]}")


def _named(name: str, layer: Layer) -> dict[str, torch.Tensor]:
    """Name a convolution and its BatchNorm, scaled so that the variance is 1 − epsilon."""
    norm = name.replace("conv", "bn").replace("downsample.0", "downsample.1")
    weight = layer.weight
    if name == "conv1":  # red, green, blue, divided by 255 and by ImageNet's std
        std = torch.tensor(weights.IMAGENET_TRANSFORM.std)
        weight = weight.flip(1) * (255 * std)[:, None, None]
    shrink = (layer.variance + EPSILON).rsqrt()
    parts = {
        f"{name}.weight": weight * shrink[:, None, None, None],
        f"{norm}.weight": layer.scale,
        f"{norm}.bias": layer.shift,
        f"{norm}.running_mean": layer.mean * shrink,
        f"{norm}.running_var": torch.full_like(layer.variance, 1 - EPSILON),
    }
    state = {key: part.half().contiguous() for key, part in parts.items()}
    if odd := [key for key, part in state.items() if not part.isfinite().all()]:
        _refuse("numbers that float16 can hold", f"others in '{odd[0]}'")
    return state | {f"{norm}.num_batches_tracked": torch.ones((), dtype=torch.int64)}


def _refuse(wanted: str, got: str) -> NoReturn:
    checks.refuse(WHERE, wanted, got, "Take ResNet18.onnx of the package that --help names.")


def _read_onnx(path: Path) -> onnx.ModelProto:
    checks.file(path, WHERE, "onnx")
    try:
        return onnx.load(path)
    except DecodeError:
        _refuse("an ONNX file", f"'{path}'")


def _read_final(path: Path) -> dict[str, torch.Tensor]:
    """Return the final layer of a weights file that featlib can read, as the file holds it."""
    weights.read_weights(path)
    state = load(path.read_bytes())
    return {name: state[name] for name in FINAL}


def _comparison(state: dict[str, torch.Tensor]) -> str:
    """Say in which tensors a result differs from the bundled file."""
    bundled = load(weights.BUNDLED.read_bytes())
    names = sorted(state.keys() | bundled.keys())
    other = [n for n in names if not _same(state.get(n), bundled.get(n))]
    if not other:
        return f"all {len(names)} tensors are those of the bundled file"
    return f"{len(other)} of {len(names)} tensors are not those of the bundled file: {other[0]}, …"


def _same(one: torch.Tensor | None, two: torch.Tensor | None) -> bool:
    if one is None or two is None:
        return False
    return one.dtype == two.dtype and torch.equal(one, two)


def main(arguments: list[str] | None = None) -> int:
    """Convert the file, take over the final layer, and compare the result with the bundled file.

    Parameters
    ----------
    arguments : list of str, optional
        Left out, those of the command line.

    Returns
    -------
    int
        0, or 1 if the file is refused or nothing can be written.
    """
    parser = argparse.ArgumentParser(
        description="Convert the ResNet18 that ML.NET publishes to torchvision's names, as the "
        "bundled weights were made. The file is ResNet18.onnx of the NuGet package "
        "Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1; 'dotnet restore' of a project that names "
        "the package brings it. At the end the result is compared with the bundled weights.",
        epilog="example: python tools/convert_imagenet.py ResNet18.onnx --out weights",
    )
    parser.add_argument("onnx", type=Path, help="ResNet18.onnx of the package")
    parser.add_argument(
        "--out", type=Path, default=Path("weights"), metavar="DIR",
        help=f"where {NAME} goes (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fc", type=Path, default=weights.BUNDLED, metavar="FILE",
        help="the weights file whose final layer is taken over (default: the bundled one)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        model = _read_onnx(options.onnx)
        if (found := sha256(options.onnx)) != PUBLISHED:
            words = f"SHA-256 {found[:12]}…, not {PUBLISHED[:12]}…"
            print(f"{options.onnx} is not the published file: {words}", file=sys.stderr)
        state = convert(model) | _read_final(options.fc)
        options.out.mkdir(parents=True, exist_ok=True)
        with atomic_write(options.out / NAME) as file:
            file.write(save(state))
    except (checks.FeatlibError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"{options.out / NAME}: {_comparison(state)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
