"""A row each: what goes wrong around featlib, what is said, and what stays unharmed."""

import ast
import contextlib
import hashlib
import os
import signal
import socket
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import parquet

import featlib
from featlib import FeatlibError, features, head, images, lesson, quiz, weights
from featlib.scale import shards

PACKAGE = Path(featlib.__file__).parent
unix = pytest.mark.skipif(os.name != "posix", reason="limits and signals of Unix")


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
    OLD[case](features.cache_path(pixels, resnet))
    torch.testing.assert_close(features.extract(pixels, resnet), rows)


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


# Ctrl-C and the notebook's stop button: the same signal


@contextlib.contextmanager
def ctrl_c(seconds):
    # Where the tests themselves run in the background, the shell has them ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)


@unix
def test_ctrl_c_while_features_are_computed(resnet, pixels, empty_cache):
    threads = torch.get_num_threads()
    many = pixels.repeat(400, 1, 1, 1)
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.4):
        features.extract(many, resnet, progress=False)
    assert torch.get_num_threads() == threads
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == []
    assert features.extract(pixels, resnet).shape == (12, 512)


@unix
def test_ctrl_c_while_a_head_is_trained(blobs):
    x, y = blobs
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.3):
        head.train(x, y, 3, epochs=100_000)
    layer, _ = head.train(x, y, 3)
    assert layer(x).shape == (90, 3)


@unix
def test_ctrl_c_while_a_folder_is_extracted(picture_folder, tmp_path, resnet):
    for place in picture_folder.iterdir():
        first = (place / "0.png").read_bytes()
        for i in range(100, 350):
            (place / f"{i}.png").write_bytes(first)
    settings = {"shard_size": 32, "progress": False}
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.5):
        shards.extract(picture_folder, tmp_path / "out", resnet, **settings)
    finished = len(list((tmp_path / "out").glob("part*")))
    done = shards.extract(picture_folder, tmp_path / "out", resnet, **settings)
    assert done.computed == 512 - 32 * finished
    assert len(parquet.read_table(tmp_path / "out")) == 512


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
    for name in ("torch.load", "load_state_dict_from_url"):
        found = list(calls(name))
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
    assert weights.IMAGENET_URL.startswith("https://")
    [(_, call)] = calls("load_state_dict_from_url")
    assert "check_hash=True" in ast.unparse(call)


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
