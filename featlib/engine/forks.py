"""What a process needs that is made by fork, as a copy of one that has computed already.

Only the thread that forked lives on in it. So it would wait for ever for the others: for those of
OpenMP, with which PyTorch computes, and for any that held a lock.
"""

import os
import sys
from collections.abc import Callable
from threading import Lock


def in_child(function: Callable[[], object]) -> None:
    """Call a function in every process that is made by fork from now on, before all else in it.

    Parameters
    ----------
    function : callable
        It gets nothing. On Windows, where nothing forks, it is never called.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def lock() -> Lock:
    """Return a lock, for a module to keep, that nobody holds in a process made by fork.

    Returns
    -------
    threading.Lock
        A fork waits until it is free; so hold it for a moment only, and never fork within.
    """
    made = Lock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=made.acquire, after_in_parent=made.release)
        in_child(made.release)
    return made


def _compute_alone() -> None:
    """Compute with one thread, as the processes of PyTorch's DataLoader do."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


in_child(_compute_alone)
