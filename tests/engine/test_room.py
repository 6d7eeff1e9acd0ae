"""Threads wait for room, and one that needs more than there is gets it alone."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from featlib.engine.room import Room


def most_at_once(room, amounts):
    """Hold amounts in as many threads, and return the most that was held at one time."""
    held, most, lock = 0, 0, threading.Lock()

    def hold(amount):
        nonlocal held, most
        with room.hold(amount):
            with lock:
                held += amount
                most = max(most, held)
            threading.Event().wait(0.005)
            with lock:
                held -= amount

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(hold, amounts))
    return most


def test_no_more_is_held_than_there_is_room_for():
    assert 60 <= most_at_once(Room(100), [30] * 50) <= 100


def test_what_is_larger_than_the_room_is_held_alone():
    assert most_at_once(Room(100), [30, 250] * 10) == 250


def test_an_error_within_leaves_the_room_empty():
    room = Room(100)
    for _ in range(3):
        with pytest.raises(OSError, match="full"), room.hold(100):
            raise OSError("full")
    with room.hold(100):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process made by fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_in_a_process_made_by_fork_nobody_holds_anything():
    room = Room(100)
    with room.hold(100):
        child = os.fork()
        if not child:
            with room.hold(100):
                os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
