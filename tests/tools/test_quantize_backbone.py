"""The quantizer: on made-up pictures, which is enough to see what it writes."""

import hashlib
import json

import onnx
import pytest
import quantize_backbone as tool
from helpers import make_pictures

from featlib import backbone, weights
from featlib.engine import int8

# The tool makes what is bundled: it runs when that changes, and its tests each week.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    return make_pictures(folder / "all", {"a": (90, 120, 150), "b": (200, 90, 40)}, n=5)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tool, "SIZES", {64: 4, 96: 2})
    monkeypatch.setattr(tool, "MEASURED", 3)


def test_it_writes_a_file_and_its_card(quick, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "WORST", 0.9)  # of so few pictures, all alike
    assert tool.main([str(pictures), "--out", str(tmp_path)]) == 0
    file = tmp_path / "resnet18-int8.onnx"
    card = json.loads(file.with_suffix(".json").read_text())
    assert card["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert card["backbone_sha256"] == backbone.fingerprint(weights.read_weights().state())
    assert card["mean_cosine_to_float32"].keys() == {"64", "96"}
    assert file.stat().st_size < 12_000_000
    onnx.checker.check_model(file)
    bundled = onnx.load(int8.FILE)
    assert [n.op_type for n in onnx.load(file).graph.node] == [
        n.op_type for n in bundled.graph.node
    ]


def test_weights_have_seven_bits(pictures):
    found = [onnx.numpy_helper.to_array(x) for x in onnx.load(int8.FILE).graph.initializer]
    weights_in_it = [x for x in found if x.dtype == "int8" and x.ndim == 4]
    assert len(weights_in_it) == 20
    assert all(abs(x.astype(int)).max() <= 64 for x in weights_in_it)


def test_what_is_not_alike_is_not_written(quick, pictures, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tool, "WORST", 1.01)
    assert tool.main([str(pictures), "--out", str(tmp_path)]) == 1
    assert "mean cosine" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_too_few_pictures_are_refused(pictures, tmp_path, capsys):
    assert tool.main([str(pictures), "--out", str(tmp_path)]) == 1
    assert "wanted 128 photographs at least, got 10" in capsys.readouterr().err
