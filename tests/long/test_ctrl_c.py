"""Ctrl-C and the notebook's stop button, the same signal: what is stopped harms nothing."""

import contextlib
import os
import signal
import threading

import pytest
import torch
from pyarrow import parquet

from featlib import features, head
from featlib.scale import shards

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of Unix")


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


def test_ctrl_c_while_features_are_computed(resnet, pixels, empty_cache):
    threads = torch.get_num_threads()
    many = pixels.repeat(400, 1, 1, 1)
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.4):
        features.extract(many, resnet, progress=False)
    assert torch.get_num_threads() == threads
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == []
    assert features.extract(pixels, resnet).shape == (12, 512)


def test_ctrl_c_while_a_head_is_trained(blobs):
    x, y = blobs
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.3):
        head.train(x, y, 3, epochs=100_000)
    layer, _ = head.train(x, y, 3)
    assert layer(x).shape == (90, 3)


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
