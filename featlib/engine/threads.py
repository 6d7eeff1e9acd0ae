"""One batch a thread: decoding and network side by side, on as many threads as PyTorch would use.

PyTorch's own way is to split each operation of one batch among its threads, which then wait for
each other after every layer. Batches need not wait for each other: a thread decodes its own, and
sends it through the network alone.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2  # finished batches that may wait for their turn
# Pixels of a batch, so that memory stays bounded: a thread holds what a layer makes of a batch. Of
# these 32 at 224×224, the fused network computes as many at a time as fit into a processor's cache.
TOGETHER = 1_600_000


def map_ordered(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield the result of a function for each item, in the order of the items.

    Parameters
    ----------
    function : callable
        Of one item; it may use PyTorch on the processor.
    items : sequence
        What to compute on. Only a few are computed or wait at a time, so that memory stays bounded.

    Yields
    ------
    object
        The result for the next item.
    """
    threads = torch.get_num_threads()
    if threads == 1 or len(items) == 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    # PyTorch keeps this number for each thread, and the last one set for threads to come.
    with ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= threads + AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            torch.set_num_threads(threads)


def batch_size(n: int, most: int, side: int) -> int:
    """Return how many of n images make a batch for a processor.

    Each thread has one, and memory for what the layers make of it.

    Parameters
    ----------
    n : int
        Images in all.
    most : int
        Images that a batch may have.
    side : int
        Height and width of the images in pixels.

    Returns
    -------
    int
        From 1 to ``most``.
    """
    return max(1, min(most, -(-n // torch.get_num_threads()), TOGETHER // side**2))
