"""Room in memory: how much all threads together may hold at one time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from featlib.engine.forks import in_child


class Room:
    """Lets threads wait until there is room for what they are about to hold.

    Parameters
    ----------
    most : int
        How much all of them may hold at one time, in bytes. One alone may hold more.

    Examples
    --------
    >>> room = Room(1_000_000)
    >>> with room.hold(3_000_000):
    ...     print("alone in it")
    alone in it
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._empty()
        in_child(self._empty)  # in a process made by fork nobody holds anything

    def _empty(self) -> None:
        self._held = 0
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, amount: int) -> Iterator[None]:
        """Wait for room, and hold it; never hold some of the same room within.

        Parameters
        ----------
        amount : int
            How much is held, in bytes.

        Yields
        ------
        None
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._held or self._held + amount <= self.most)
            self._held += amount
        try:
            yield
        finally:
            with self._changed:
                self._held -= amount
                self._changed.notify_all()
