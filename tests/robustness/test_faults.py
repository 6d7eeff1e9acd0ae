"""A row each: what goes wrong around featlib, what is said, and what stays unharmed."""

import ast
import hashlib
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

import featlib
from featlib import FeatlibError, features, images, lesson, quiz, weights

PACKAGE = Path(featlib.__file__).parent


# The cache


OLD = {
    "from an older version": lambda path: path.rename(path.with_name("0" * 64 + ".safetensors")),
    "of no length": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "another file under its name": lambda path: path.write_bytes(
        weights.BUNDLED.read_bytes()[:5000]
    ),
    "a folder under its name": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("case", OLD)
def test_a_cache_entry_that_is(case, pixels, resnet, empty_cache):
    rows = features.extract(pixels, resnet)
    OLD[case](features.cache_paths(pixels, resnet)[0])
    torch.testing.assert_close(features.extract(pixels, resnet), rows)


def test_a_lesson_says_read_from_the_cache_only_if_all_was(emoji10, empty_cache):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    settings = {"baselines": False, "progress": False, "epochs": 1}
    assert not lesson.run(few, **settings).features_from_cache
    assert lesson.run(few, **settings).features_from_cache
    [entry] = empty_cache.rglob("*.safetensors")
    entry.write_bytes(entry.read_bytes()[:-1])
    repaired = lesson.run(few, **settings)
    assert not repaired.features_from_cache
    assert "frozen ResNet18" in str(repaired.data_flow)
    assert lesson.run(few, **settings).features_from_cache


def test_a_lesson_hashes_its_pixels_once(emoji10, empty_cache, monkeypatch):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    hashed, entry = [], features._entry
    monkeypatch.setattr(features, "_entry", lambda *a: hashed.append(1) or entry(*a))
    lesson.run(few, baselines=False, progress=False, epochs=1)
    assert len(hashed) == 1


def test_a_file_where_the_cache_folder_should_be(tmp_path, monkeypatch, pixels, resnet, caplog):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(tmp_path / "cache"))
    assert features.extract(pixels, resnet).shape == (12, 512)
    assert "nothing is kept" in caplog.text
    assert (tmp_path / "cache").read_text() == "a file"


# Time


def test_a_clock_that_goes_backwards(tmp_path, monkeypatch):
    moments = iter([1000.0, 500.0, 10.0])
    monkeypatch.setattr("time.time", lambda: next(moments))
    progress = quiz.Progress(tmp_path / "answers.jsonl")
    for answer, correct in (("a", False), ("b", False), ("c", True)):
        progress.add("quiz", "q", answer, correct)
    assert [a.answer for a in progress.answers()] == ["a", "b", "c"]
    assert progress.last("quiz")["q"].answer == "c"


# Safety


def calls(name):
    """Yield file and call wherever the package calls something of this name."""
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                yield file.name, node


def test_nothing_that_is_read_can_run_code():
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden, file
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, file
    found = list(calls("torch.load"))
    assert found
    for file, call in found:
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert options.get("weights_only") == "True", file
    assert not list(calls("np.load"))
    for name in ("eval", "exec"):  # of Python; a network has a method eval()
        assert not [file for file, call in calls(name) if ast.unparse(call.func) == name]


def test_the_lesson_needs_no_network(monkeypatch, picture_folder):
    def refuse(*arguments, **options):
        raise AssertionError("something asked for a network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    lesson.run(str(picture_folder), cache=False)
    for name in quiz.names():
        quiz.load(name)


def test_downloads_go_over_tls_and_are_checked():
    assert weights.TORCHVISION_URL.startswith("https://")
    [(_, call)] = calls("download_url_to_file")
    assert len(call.args) == 3  # the third is the checksum


@pytest.mark.parametrize("name", ["../escaped", "/tmp/featlib-escaped", "inside/../../escaped"])
@pytest.mark.usefixtures("empty_cache")
def test_no_member_of_an_archive_gets_out_of_its_folder(name, tmp_path, server, monkeypatch):
    """Even one whose checksum is right."""
    from torchvision import datasets

    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(name))
    digest = hashlib.md5((tmp_path / "evil.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "url", f"{server}/evil.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "filename", "evil.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", digest)
    before = tarfile.TarFile.extraction_filter
    with pytest.raises(FeatlibError, match=r"outside the destination|corrupted"):
        images.load("cifar10")
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/tmp/featlib-escaped").exists()
    assert tarfile.TarFile.extraction_filter is before


EVIL = "<script>alert(1)</script>"


@pytest.mark.usefixtures("undrawn")
def test_names_of_files_and_classes_are_escaped_in_the_report(tmp_path):
    from helpers import make_pictures

    from featlib.pages import lesson_report

    classes = {"<img src=x onerror=alert(1)>": (200, 40, 40), "b&w": (40, 40, 200)}
    own = make_pictures(tmp_path / "own", classes)
    (own / "b&w" / "<b>broken.png").write_text(EVIL)
    page = lesson_report.write(lesson.run(str(own), cache=False), tmp_path / "report").read_text(
        "utf-8"
    )
    assert "<img src=x" not in page
    assert "<b>broken" not in page
    assert EVIL not in page
    assert "&lt;img src=x" in page


def test_features_are_finite_whatever_the_picture(resnet):
    for value in (0, 255):
        flat = torch.full((1, 3, 64, 64), value, dtype=torch.uint8)
        assert np.isfinite(features.extract(flat, resnet, cache=False).numpy()).all()
