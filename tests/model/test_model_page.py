"""What is in the page of a kept model, and what is refused; a browser runs it in tests/browser."""

import builtins
import re

import onnxruntime
import pytest
import torch

import featlib
from featlib import FeatlibError, images, lesson, preprocess, weights
from featlib.cli import main
from featlib.model.network import resnet18_onnx
from featlib.pages import model_page, onnx_runtime


@pytest.fixture(scope="module")
def saved(emoji10, tmp_path_factory):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, epochs=2, baselines=False, progress=False)
    return finished.save(tmp_path_factory.mktemp("kept") / "my_model")


def test_where_the_library_asks_for_the_pages_address_it_gets_one_that_it_can_use():
    """Firefox says "null" of a page from a folder: tried there, since Chromium does not."""
    guard, script = onnx_runtime.library("a test").split("\n", 1)
    assert guard == (
        'const location=globalThis.location.origin==="null"?{origin:"file://"}:globalThis.location;'
    )
    found = re.findall(r"(?<![.\w])location\.\w+", script)
    assert found == ["location.origin"]  # a new version may use more of it


@pytest.mark.parametrize(("eight_bits", "apart"), [(False, 1e-4), (True, 0.2)])
def test_the_graph_computes_the_features(emoji10, eight_bits, apart):
    loaded = weights.read_weights()
    content = resnet18_onnx(loaded.state(), eight_bits=eight_bits).SerializeToString()
    session = onnxruntime.InferenceSession(content)
    pixels = emoji10.pixels[:8]
    prepared = preprocess.prepare(pixels, loaded.transform)
    found = torch.from_numpy(session.run(None, {"images": prepared.numpy()})[0])
    wanted = featlib.features.extract(pixels, loaded, device="cpu", cache=False, progress=False)
    torch.testing.assert_close(found, wanted, atol=apart, rtol=0)


def test_the_command_writes_the_page(saved, tmp_path, capsys):
    file = tmp_path / "deep" / "my model.html"
    file.parent.mkdir()
    assert main(["export", str(saved), "--html", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    page = file.read_text(encoding="utf-8")
    assert file.stat().st_size < 30_000_000
    assert "default-src 'none'" in page
    assert "License of the backbone’s weights: MIT License" in page
    assert 'id="alike"' not in page
    assert str(tmp_path) not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_thumbnails_are_for_the_page_alone(saved, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["export", str(saved), "--torch", str(tmp_path / "m.pt2"), "--thumbnails", "pictures"])
    assert stopped.value.code == 2
    assert "--thumbnails is for --html" in capsys.readouterr().err


def test_what_is_no_classifier_or_no_folder_is_refused(saved, tmp_path):
    with pytest.raises(FeatlibError, match="wanted a classifier"):
        model_page.export_html("my_model", tmp_path / "page.html")
    with pytest.raises(FeatlibError, match="a folder there"):
        model_page.export_html(featlib.load(saved), tmp_path)
    with pytest.raises(FeatlibError, match="nowhere"):
        model_page.export_html(featlib.load(saved), tmp_path / "p.html", tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_extra_is_named(saved, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "onnx":
            raise ImportError("No module named 'onnx'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(FeatlibError, match=r"featlib\[html\]"):
        model_page.export_html(featlib.load(saved), tmp_path / "page.html")


def test_an_altered_runtime_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "_FOLDER", tmp_path)
    with pytest.raises(FeatlibError, match=r"wasm\.gz' as it comes with featlib"):
        model_page.export_html(featlib.load(saved), tmp_path / "page.html")
    (tmp_path / "ort-wasm-simd-threaded.wasm.gz").write_bytes(b"other")
    with pytest.raises(FeatlibError, match="altered or cut off"):
        model_page.export_html(featlib.load(saved), tmp_path / "page.html")
