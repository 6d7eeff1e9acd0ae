"""The converter, on made-up networks of the layout in which ML.NET publishes its ResNet18."""

import convert_imagenet as tool
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers import seeded
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file

from featlib import weights
from featlib.checks import FeatlibError
from featlib.engine.files import sha256
from featlib.engine.fused import FusedResNet18
from featlib.preprocess import Transform, normalize

# The tool makes what is bundled: it runs when that changes, and its tests each week.
pytestmark = pytest.mark.long

SMALL, WHOLE = (4, 8, 12, 16), (64, 128, 256, 512)  # channels of the four stages
SIZE = 64
LARGEST = torch.finfo(torch.float16).max


class Graph:
    """Writes layers as CNTK does: names are numbers, and stride-2 layers pad more at the start."""

    def __init__(self, widths=SMALL, shortcut_first=True):
        self.nodes, self.numbers, self.random = [], [], np.random.default_rng(0)
        self.widths, self.shortcut_first = widths, shortcut_first

    def add(self, kind, inputs, **attributes):
        output = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def number(self, array):
        name = f"Parameter{len(self.numbers)}"
        self.numbers.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def convolution(self, x, inputs, outputs, kernel, stride):
        draw = self.random
        spread = draw.uniform(0.5, 600, outputs)  # what comes out of each channel, before BatchNorm
        scale = spread * (kernel * kernel * inputs) ** -0.5 / (70 if inputs == 3 else 1)
        shape = outputs, inputs, kernel, kernel
        weight = draw.standard_normal(shape, np.float32) * scale[:, None, None, None]
        start = kernel // 2
        end = start if stride == 1 or kernel == 1 else start - 1
        x = self.add(
            "Conv",
            [x, self.number(weight)],
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[start, start, end, end],
            dilations=[1, 1],
            group=1,
            auto_pad="NOTSET",
        )
        norm = draw.uniform(0.5, 1.5, outputs), draw.normal(0, 0.3, outputs)
        norm += draw.normal(0, 0.3, outputs) * spread, spread**2
        names = [self.number(part) for part in norm]
        return self.add("BatchNormalization", [x, *names], epsilon=1e-5)

    def block(self, x, inputs, outputs, stride):
        def shortcut():
            return self.convolution(x, inputs, outputs, 1, stride) if stride == 2 else x

        past = shortcut() if self.shortcut_first else None
        y = self.add("Relu", [self.convolution(x, inputs, outputs, 3, stride)])
        y = self.convolution(y, outputs, outputs, 3, 1)
        return self.add("Relu", [self.add("Add", [y, past or shortcut()])])

    def model(self, blocks=(2, 2, 2, 2), channels=3):
        x = self.add("Relu", [self.convolution("pixels", channels, self.widths[0], 7, 2)])
        x = self.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0])
        for stage, outputs in enumerate(self.widths):
            for place in range(blocks[stage]):
                first = place == 0 and stage > 0
                inputs = self.widths[stage - 1] if first else outputs
                x = self.block(x, inputs, outputs, 2 if first else 1)
        features = self.add("AveragePool", [x], kernel_shape=[SIZE // 32] * 2)
        graph = helper.make_graph(
            self.nodes,
            "made up",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, channels, SIZE, SIZE])],
            [helper.make_tensor_value_info(features, TensorProto.FLOAT, None)],
            self.numbers,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 8)], ir_version=4)


@pytest.fixture(scope="module")
def small():
    return Graph().model()


def features_of_onnx(model, image):
    mean = torch.tensor(weights.IMAGENET_TRANSFORM.mean)[:, None, None]
    theirs = (255 * (image - mean)).flip(1)  # blue, green, red, 0–255 less a mean
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return torch.from_numpy(session.run(None, {"pixels": theirs.numpy()})[0]).flatten()


def features_of_featlib(model, image):
    state = {name: part.float() for name, part in tool.convert(model).items()}
    network = FusedResNet18(state, SIZE, "cpu", torch.float32)
    imagenet = weights.IMAGENET_TRANSFORM
    return network(normalize(image, Transform(imagenet.mean, imagenet.std, SIZE))).flatten()


def test_the_network_computes_the_same(small):
    image, other = torch.rand(2, 1, 3, SIZE, SIZE, generator=seeded())
    due = features_of_onnx(small, image)
    # Without this, a network whose features hardly depend on the picture would do.
    assert (due - features_of_onnx(small, other)).abs().max() > 0.05 * due.abs().max()
    far = (due - features_of_featlib(small, image)).abs().max()
    assert far < 0.003 * due.abs().max()  # float16 lies between


def test_the_third_block_of_the_fourth_stage_is_left_out(small):
    short, long = tool.convert(small), tool.convert(Graph().model((2, 2, 2, 3)))
    assert short.keys() == long.keys()
    assert all(torch.equal(short[name], long[name]) for name in short)


def test_float16_holds_variances_that_it_could_not(small):
    assert max(numpy_helper.to_array(part).max() for part in small.graph.initializer) > LARGEST
    state = tool.convert(small)
    assert {part.dtype for part in state.values()} == {torch.float16, torch.int64}
    assert all(part.isfinite().all() for part in state.values())


def test_what_float16_cannot_hold_is_refused(small):
    model = copy(small)
    [scale] = [part for part in model.graph.initializer if part.name == "Parameter1"]
    scale.CopyFrom(numpy_helper.from_array(np.full(4, 2 * LARGEST, np.float32), scale.name))
    with pytest.raises(FeatlibError, match=r"float16 can hold, got others in 'bn1\.weight'"):
        tool.convert(model)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Graph().model((2, 2, 2, 1)), "20 convolutions with BatchNorm, or 2 more, got 18"),
        (Graph().model((2, 2, 2, 4)), "20 convolutions with BatchNorm, or 2 more, got 24"),
        (
            Graph().model((2, 2, 3, 2)),
            "'layer4.0.downsample.0' with kernel 1×1, stride 2×2, padding 0×0 at the start, "
            "got kernel 3×3, stride 1×1, padding 1×1 at the start",
        ),
        (Graph(shortcut_first=False).model(), "'layer2.0.downsample.0' with kernel 1×1"),
        (Graph().model(channels=4), "three color channels, got 4"),
        (onnx.ModelProto(), "got 0"),
    ],
    ids=["short", "long", "third block elsewhere", "shortcut last", "four channels", "empty"],
)
def test_another_layout_is_refused(model, words):
    with pytest.raises(FeatlibError) as refusal:
        tool.convert(model)
    assert words in str(refusal.value)
    assert "ResNet18.onnx of the package" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda conv, norm: set_to(norm, epsilon=1e-3), "epsilon 1e-05, got 0.001 in 'Batch"),
        (lambda conv, norm: set_to(conv, auto_pad="SAME_UPPER"), "start, automatic padding"),
        (lambda conv, norm: set_to(conv, pads=[2, 2, 3, 3]), "padding 2×2 at the start"),
        (lambda conv, norm: set_to(conv, strides=[1, 1]), "got kernel 7×7, stride 1×1"),
        (lambda conv, norm: set_to(conv, dilations=[2, 2]), "start, dilation"),
        (lambda conv, norm: set_to(conv, group=3), "start, groups"),
        (lambda conv, norm: conv.input.append("Parameter2"), "start, a bias"),
        (lambda conv, norm: norm.input.__setitem__(0, "pixels"), "none before 'BatchNorm"),
        (lambda conv, norm: norm.input.__setitem__(1, "pixels"), "none of the name 'pixels'"),
    ],
    ids=[
        "epsilon",
        "automatic padding",
        "padding",
        "stride",
        "dilation",
        "groups",
        "bias",
        "no convolution",
        "no numbers",
    ],
)
def test_another_kind_of_layer_is_refused(small, change, words):
    model = copy(small)
    change(*model.graph.node[:2])
    with pytest.raises(FeatlibError) as refusal:
        tool.convert(model)
    assert words in str(refusal.value)


def copy(model):
    return onnx.ModelProto.FromString(model.SerializeToString())


def set_to(node, **attributes):
    kept = [one for one in node.attribute if one.name not in attributes]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())


def test_the_program_writes_weights_for_featlib_and_compares_them(tmp_path, capsys, monkeypatch):
    source, out = tmp_path / "ResNet18.onnx", tmp_path / "made" / "weights"
    onnx.save(Graph(WHOLE).model((2, 2, 2, 3)), source)
    assert tool.main([str(source), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert f"is not the published file: SHA-256 {sha256(source)[:12]}…, not e2552f19" in said.err
    assert "of 122 tensors are not those of the bundled file: bn1.bias, …" in said.out
    written = out / tool.NAME
    state, bundled = weights.read_weights(written).tensors, load_file(weights.BUNDLED)
    assert torch.equal(state["fc.weight"], bundled["fc.weight"].float())
    assert torch.equal(state["fc.bias"], bundled["fc.bias"].float())

    monkeypatch.setattr(weights, "BUNDLED", written)
    monkeypatch.setattr(tool, "PUBLISHED", sha256(source))
    assert tool.main([str(source), "--out", str(tmp_path / "again")]) == 0
    said = capsys.readouterr()
    assert not said.err
    assert "all 122 tensors are those of the bundled file" in said.out
    assert (tmp_path / "again" / tool.NAME).read_bytes() == written.read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "nothing there"), (b"", "an empty file"), (b"no network", "wanted an ONNX file")],
)
def test_the_program_refuses_other_files_in_one_line(tmp_path, capsys, content, words):
    source = tmp_path / "ResNet18.onnx"
    if content is not None:
        source.write_bytes(content)
    assert tool.main([str(source), "--out", str(tmp_path / "made")]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (tmp_path / "made").exists()


def test_the_help_says_where_the_file_comes_from(capsys):
    with pytest.raises(SystemExit, match="0"):
        tool.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1" in said
