"""The bundled network in 8 bits: alike to float32, kept apart from it, refused where it must be."""

import platform
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cosine_similarity

from featlib import FeatlibError, FeatureExtractor, features, head, images, validation, weights
from featlib.engine import int8
from featlib.scale import shards

LIBRARIES = ("openvino", "onnxruntime")
QUIET = {"cache": False, "progress": False}


@pytest.fixture(scope="module")
def loaded():
    return weights.read_weights()


@pytest.fixture(scope="module")
def exact(emoji10, loaded):
    return features.extract(emoji10, loaded, progress=False)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_head_on_its_features_is_as_good(emoji10, loaded, exact, monkeypatch, name):
    monkeypatch.setattr(int8, "library", lambda: name)
    found = features.extract(emoji10, loaded, precision="int8", **QUIET)
    assert (found.shape, found.dtype) == (exact.shape, torch.float32)
    assert cosine_similarity(found, exact).mean() >= 0.99
    accuracies = []
    for rows in (exact, found):
        train, held = emoji10.train, emoji10.validation
        trained, _ = head.train(rows[train], emoji10.labels[train], 10)
        report = validation.evaluate(trained, rows[held], emoji10.labels[held], emoji10.classes)
        accuracies.append(report.accuracy)
    print(name, accuracies)
    assert accuracies[1] >= accuracies[0] - 0.01


def test_each_picture_gives_the_same_in_any_batch_and_at_any_size(emoji10, loaded):
    pixels = emoji10.pixels[:9]
    settings = {"precision": "int8"} | QUIET
    alone = torch.cat([features.extract(p[None], loaded, **settings) for p in pixels])
    torch.testing.assert_close(features.extract(pixels, loaded, **settings), alone)
    larger = loaded.at(96)
    found = features.extract(pixels / 255, larger, **settings)
    exact = features.extract(pixels, larger, **QUIET)
    assert cosine_similarity(found, exact).mean() >= 0.99


def test_the_cache_tells_precisions_and_libraries_apart(emoji10, loaded, monkeypatch):
    names = set()
    for name in LIBRARIES:
        monkeypatch.setattr(int8, "library", lambda name=name: name)
        for precision in features.PRECISIONS:
            names.update(features.cache_paths(emoji10.pixels[:3], loaded, precision, "cpu"))
    assert len(names) == 4
    pixels = emoji10.pixels[:3]
    found = features.extract(pixels, loaded, precision="int8", progress=False)
    again, from_cache = features.extract_or_read(pixels, loaded, precision="int8", progress=False)
    assert from_cache
    assert torch.equal(found, again)


def test_shards_and_the_transformer_take_it(emoji10, loaded, tmp_path):
    few = images.from_arrays(emoji10.pixels[:20], emoji10.labels[:20], emoji10.classes)
    wanted = features.extract(few, loaded, precision="int8", **QUIET)
    found = FeatureExtractor(precision="int8", cache=False).fit_transform(few.pixels.numpy())
    torch.testing.assert_close(torch.from_numpy(found), wanted)
    done = shards.extract(few, tmp_path / "out", loaded, precision="int8", progress=False)
    assert done.images == 20


def test_other_weights_and_gpus_are_refused(emoji10, loaded, monkeypatch, tmp_path):
    pixels, other = emoji10.pixels[:2], weights.read_weights("untrained")
    with pytest.raises(FeatlibError, match=r"the bundled weights.*got 'untrained'.*bf16"):
        features.extract(pixels, other, precision="int8", **QUIET)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(FeatlibError, match=r"the processor.*got the device 'cuda'"):
        features.extract(pixels, loaded, precision="int8", device="cuda", **QUIET)
    assert len(features.extract(pixels, loaded, precision="int8", **QUIET)) == 2  # "auto"


def test_without_a_library_the_extra_is_named(emoji10, loaded, monkeypatch, tmp_path):
    monkeypatch.setattr(int8, "find_spec", lambda name: None)
    with pytest.raises(FeatlibError, match=r"neither is installed.*featlib\[int8\]"):
        features.extract(emoji10.pixels[:2], loaded, precision="int8")
    with pytest.raises(FeatlibError, match=r"featlib\[int8\]"):
        shards.extract(emoji10, tmp_path / "out", loaded, precision="int8", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_library_that_cannot_be_loaded_is_said(emoji10, loaded, monkeypatch):
    def broken(name):
        raise ImportError("libfast.so: not there")

    monkeypatch.setattr(int8, "importlib", SimpleNamespace(import_module=broken))
    with pytest.raises(FeatlibError, match=r"libfast\.so.*force-reinstall"):
        features.extract(emoji10.pixels[:2], loaded, precision="int8", **QUIET)


@pytest.mark.parametrize("part", ["", ".json"])
def test_an_altered_file_is_refused(emoji10, loaded, monkeypatch, tmp_path, part):
    for file in (int8.FILE, int8.FILE.with_suffix(".json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    altered = tmp_path / int8.FILE.name
    altered = altered.with_suffix(part) if part else altered
    altered.write_bytes(altered.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(int8, "FILE", tmp_path / int8.FILE.name)
    with pytest.raises(FeatlibError, match="altered or cut off"):
        features.extract(emoji10.pixels[:2], loaded, precision="int8", **QUIET)


@pytest.mark.parametrize(
    ("machine", "there", "first"),
    [
        ("x86_64", LIBRARIES, "openvino"),
        ("AMD64", LIBRARIES, "openvino"),
        ("arm64", LIBRARIES, "onnxruntime"),
        ("x86_64", LIBRARIES[1:], "onnxruntime"),
        ("arm64", LIBRARIES[:1], "openvino"),
    ],
)
def test_the_faster_library_comes_first(monkeypatch, machine, there, first):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(int8, "find_spec", lambda name: name in there or None)
    assert int8.library() == first
