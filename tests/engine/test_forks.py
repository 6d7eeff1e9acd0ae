"""What is made by fork computes with one thread and waits for no lock."""

import os
import subprocess
import sys
import threading
import time

import pytest
import torch

from featlib.engine import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def in_a_fork(function):
    """Return whether a function of a child returns true within ten seconds."""
    if (child := os.fork()) == 0:
        os._exit(0 if function() else 1)
    for _ in range(1000):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return False


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_a_child_computes_alone_and_its_parent_as_before():
    assert in_a_fork(lambda: torch.get_num_threads() == 1)
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_so_do_the_threads_of_a_child():
    def of_a_thread():
        found = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return found == [1]

    assert in_a_fork(of_a_thread)


def test_a_lock_that_another_thread_held_is_free_in_the_child():
    lock, held = forks.lock(), threading.Event()

    def hold():
        with lock:
            held.set()
            time.sleep(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    assert in_a_fork(lambda: lock.acquire(timeout=1))
    thread.join()
    assert lock.acquire(blocking=False), "and in the parent"
    lock.release()  # the next fork would wait for it


def test_it_needs_no_torch():
    script = "import os, sys\nfrom featlib.engine import forks\nassert 'torch' not in sys.modules\n"
    script += "if not os.fork(): sys.exit()\nsys.exit(os.wait()[1])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")


ONLY_FEATLIB = """
import os, signal
import featlib, torch
torch.set_num_threads(2)
torch.nn.functional.conv2d(torch.rand(8, 64, 56, 56), torch.rand(64, 64, 3, 3))
if os.fork() == 0:
    signal.alarm(20)
    from featlib import features, weights
    pixels = torch.zeros(40, 3, 64, 64, dtype=torch.uint8)
    features.extract(pixels, weights.read_weights(), cache=False)
    os._exit(0)
print(os.wait()[1])
"""


def test_importing_featlib_alone_is_enough():
    done = subprocess.run([sys.executable, "-c", ONLY_FEATLIB], capture_output=True, text=True)
    assert done.stdout.strip() == "0"
