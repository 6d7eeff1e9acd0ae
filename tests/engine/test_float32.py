"""Full float32 for all threads that are inside, and the settings of the user afterwards."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from featlib.engine.float32 import full_float32

CUDNN, CUDA, MKLDNN = torch.backends.cudnn, torch.backends.cuda, torch.backends.mkldnn
SETTINGS = {"cuda": (CUDNN.conv, CUDA.matmul), "cpu": (MKLDNN.conv, MKLDNN.matmul), "mps": ()}
ALL = (CUDNN.conv, CUDNN.rnn, CUDA.matmul, MKLDNN.conv, MKLDNN.matmul)
MORE = (torch.backends, CUDNN, MKLDNN)  # more general: the others follow these


def values(settings=ALL):
    return [setting.fp32_precision for setting in settings]


@pytest.fixture(autouse=True)
def as_before():
    before = values(MORE), values()
    yield
    for setting, value in zip((*MORE, *ALL), before[0] + before[1], strict=True):
        setting.fp32_precision = value


@pytest.mark.parametrize("chosen", ["ieee", "tf32"])
@pytest.mark.parametrize("device", SETTINGS)
def test_what_a_user_has_chosen_counts_before_and_after_but_not_within(device, chosen):
    for setting in ALL:
        setting.fp32_precision = chosen
    flags = CUDNN.enabled, CUDNN.benchmark, CUDNN.deterministic
    with full_float32(device):
        assert set(values(SETTINGS[device])) <= {"ieee"}
        others = [
            setting for setting in (CUDNN.conv, MKLDNN.conv) if setting not in SETTINGS[device]
        ]
        assert set(values(others)) == {chosen}
        assert (CUDNN.enabled, CUDNN.benchmark, CUDNN.deterministic) == flags
    assert set(values()) == {chosen}


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_pytorchs_older_names_work_afterwards(device):
    CUDNN.allow_tf32 = True
    torch.set_float32_matmul_precision("high")
    with full_float32(device):
        pass
    assert CUDNN.allow_tf32
    assert torch.get_float32_matmul_precision() == "high"
    torch.set_float32_matmul_precision("highest")


def test_a_setting_that_followed_a_general_one_follows_it_still():
    torch.backends.fp32_precision = "bf16"
    assert MKLDNN.conv.fp32_precision == "bf16"
    with full_float32("cpu"):
        assert MKLDNN.conv.fp32_precision == "ieee"
    assert MKLDNN.conv.fp32_precision == "bf16"
    torch.backends.fp32_precision = "ieee"
    assert MKLDNN.conv.fp32_precision == "ieee"


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_many_threads_that_come_and_go(device):
    for setting in ALL:
        setting.fp32_precision = "tf32"

    def work(i):
        with full_float32(device):
            time.sleep(0.001 * (i % 3))
            return {*values(SETTINGS[device]), CUDNN.enabled}

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(200))) == [{"ieee", True}] * 200
    assert set(values()) == {"tf32"}


def test_an_error_within_leaves_them_as_they_were():
    CUDNN.conv.fp32_precision = "tf32"
    with pytest.raises(RuntimeError, match="out of memory"), full_float32("cuda"):
        raise RuntimeError("out of memory")
    assert CUDNN.conv.fp32_precision == "tf32"


def test_nothing_is_cast_within():
    with torch.autocast("cpu", torch.bfloat16):
        with full_float32("cpu"):
            assert not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_child_of_a_process_that_was_within_has_the_users_settings():
    MKLDNN.conv.fp32_precision = "tf32"
    inside, done = threading.Event(), threading.Event()

    def stay():
        with full_float32("cpu"):
            inside.set()
            done.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait()
    if (child := os.fork()) == 0:
        os._exit(0 if MKLDNN.conv.fp32_precision == "tf32" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert MKLDNN.conv.fp32_precision == "ieee"
    done.set()
    thread.join()
    assert MKLDNN.conv.fp32_precision == "tf32"
