"""Batches side by side: in order, bounded, and PyTorch as it was before."""

import threading
import time

import pytest
import torch

from featlib.engine import threads


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_results_come_in_order_whatever_takes_longest():
    def slow(i):
        time.sleep(0.02 * (5 - i))
        return i

    assert list(threads.map_ordered(slow, range(5))) == list(range(5))


def test_each_thread_computes_alone_and_afterwards_all_is_as_before():
    def look(i):
        time.sleep(0.01)
        return threading.get_ident(), torch.get_num_threads()

    found = list(threads.map_ordered(look, range(9)))
    assert {number for _, number in found} == {1}
    assert len({name for name, _ in found}) == 3
    assert torch.get_num_threads() == 3
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [3]


def test_one_item_has_all_threads():
    assert list(threads.map_ordered(lambda i: torch.get_num_threads(), [0])) == [3]


def test_only_a_few_are_under_way():
    begun = []
    results = threads.map_ordered(begun.append, range(100))
    next(results)
    time.sleep(0.05)
    assert len(begun) <= 3 + threads.AHEAD
    results.close()
    assert len(begun) <= 2 * (3 + threads.AHEAD)


def test_while_one_is_slow_the_next_four_are_done_and_no_more_are_begun():
    """Three threads and two results that wait: at most five batches are in memory."""
    begun, slow = [], threading.Event()

    def work(i):
        begun.append(i)
        if i == 0:
            slow.wait(10)
        return i

    def release_later():
        while len(begun) < 5:
            time.sleep(0.001)
        time.sleep(0.05)
        found.extend(begun)
        slow.set()

    found = []
    watcher = threading.Thread(target=release_later, daemon=True)
    watcher.start()
    assert list(threads.map_ordered(work, range(20))) == list(range(20))
    watcher.join(10)
    assert sorted(found) == [0, 1, 2, 3, 4]


def test_an_error_arrives_and_the_rest_is_not_begun():
    begun = []

    def fail(i):
        begun.append(i)
        if i == 1:
            raise ValueError("no")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="no"):
        list(threads.map_ordered(fail, range(100)))
    assert len(begun) < 20
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    ("n", "most", "side", "expected"),
    [
        (1000, 64, 64, 64),
        (100, 64, 64, 34),
        (3, 64, 64, 1),
        (1, 64, 64, 1),
        (1000, 64, 224, 31),
        (1000, 4, 224, 4),
        (1000, 64, 4096, 1),
    ],
)
def test_every_thread_gets_a_batch_of_bounded_size(n, most, side, expected):
    assert threads.batch_size(n, most, side) == expected
