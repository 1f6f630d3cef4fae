"""The same function over many items, in processes of one thread each, with progress."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from tqdm.auto import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    description: str = "",
) -> Iterator[tuple[Item, Result]]:
    """Yield (item, function(item)) as they are done, in any order, with a progress bar.

    workers : processes; None takes one a core, 1 stays in this process. The function
    must be importable. Two threads in each of two processes can be 40 times slower than
    one, so every process gets one.
    """
    count = min(workers or len(os.sched_getaffinity(0)), len(items))
    with tqdm(total=len(items), desc=description, disable=not items) as bar:
        for pair in _results(function, items, count):
            bar.update()
            yield pair


def _results(
    function: Callable[[Item], Result], items: Sequence[Item], count: int
) -> Iterator[tuple[Item, Result]]:
    if count <= 1:
        yield from ((item, function(item)) for item in items)
        return
    spawn = multiprocessing.get_context("spawn")  # forking a Jupyter kernel can hang
    with ProcessPoolExecutor(count, spawn, initializer=_one_thread) as pool:
        futures = {pool.submit(function, item): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
