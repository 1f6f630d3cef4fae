"""The same function over many items, in processes of one thread each, with progress."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from emoface_lib.core.errors import InputError

CORES = "EMOFACE_CORES"  # in the environment of one of several runs
Item = TypeVar("Item")
Result = TypeVar("Result")
GUESS = 2.0  # GB that a run of notebooks is taken to need
QUEUED = 3  # items a process that are handed out at a time; memory stays flat
# tqdm's arguments for what is mostly quick: a bar on a terminal, after 5 s
WHERE_SLOW: dict[str, Any] = {"disable": None, "delay": 5, "leave": False}


def cores() -> int:
    """How many cores this process may use: all, or its share beside other runs."""
    if share := int(os.environ.get(CORES, 0)):
        return share
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fitting(memory: float) -> int:
    """How many processes that need so many GB fit the cores and the free memory."""
    import psutil  # where `resource` is missing, importing this library does without

    free = psutil.virtual_memory().available / 1e9
    return max(1, min(cores(), int(free / memory)))


def each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    description: str = "",
    lost: Callable[[Item], Result] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Yield (item, function(item)) as they are done, in any order, with a progress bar.

    workers : processes; None takes `cores`, 1 stays in this process. The function
    must be importable. Two threads in each of two processes can be 40 times slower than
    one, so every process gets one. lost : the result of an item that kills the process
    it is in, twice; without it that ends the run.
    """
    count = min(workers or cores(), len(items))
    with tqdm(total=len(items), desc=description, disable=not items) as bar:
        if count > 1:
            for pair in _results(function, iter(items), count, lost):
                bar.update()
                yield pair
            return
        with threadpool_limits(1):  # sums in another order change the last digits
            for item in items:
                result = function(item)
                bar.update()
                yield item, result


def _results(
    function: Callable[[Item], Result],
    left: Iterator[Item],
    count: int,
    lost: Callable[[Item], Result] | None,
) -> Iterator[tuple[Item, Result]]:
    while True:
        running: dict[Future, Item] = {}
        try:
            yield from _pooled(function, left, count, running)
            return
        except BrokenProcessPool:
            if lost is None:
                raise
        for item in running.values():  # one of them killed its process: each alone now
            try:
                with _pool(1) as pool:
                    result = pool.submit(function, item).result()
            except BrokenProcessPool:
                result = lost(item)
            yield item, result


def _pooled(
    function: Callable[[Item], Result],
    left: Iterator[Item],
    count: int,
    running: dict[Future, Item],
) -> Iterator[tuple[Item, Result]]:
    """Results of a pool of processes; `running` holds what has been handed out."""
    with _pool(count) as pool:
        try:
            while True:
                for item in islice(left, QUEUED * count - len(running)):
                    running[pool.submit(function, item)] = item
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    yield running.pop(future), result
        finally:
            pool.shutdown(cancel_futures=True)


def _pool(count: int) -> ProcessPoolExecutor:
    spawn = multiprocessing.get_context("spawn")  # forking a Jupyter kernel can hang
    return ProcessPoolExecutor(count, spawn, initializer=_start)


def one_thread() -> None:
    """Let this process compute in one thread."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    threadpool_limits(1)


def _start() -> None:
    one_thread()
    follow_parent()


def follow_parent() -> None:
    """End this process with its parent, for which it would otherwise wait for ever."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def read_shard(text: str) -> tuple[int, int]:
    """`i/n` as (i, n); raises InputError unless 1 <= i <= n."""
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise InputError(f"Shard {text!r} should be i/n, such as 2/8.")
    return int(part), int(parts)
