"""The same work on the machines of a Ray cluster: `--engine ray`.

Ray is an extra (`pip install emoface[ray]`), imported here only. Each worker loads
what it needs once and writes its own results, so that only names are sent. A worker
that crashes is started again and its clip is processed again, with the same result.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm.auto import tqdm

from emoface_lib.core.errors import InputError
from emoface_lib.core.parallel import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")
SLOW_START = "120"  # s; a busy machine needs as much
RETRIES = 1  # times an item is tried again after its worker crashed


class Worker:
    """A process that applies one function to one item after the other."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        one_thread()
        self.function = function

    def apply(self, item: Any) -> Any:
        """The function's result."""
        return self.function(item)


def each_by_ray(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    description: str = "",
    lost: Callable[[Item], Result] | None = None,
) -> Iterator[tuple[Item, Result]]:
    """`parallel.each` by Ray: yield (item, function(item)) in any order, each once.

    workers : None takes one a core of the cluster, which is the one at RAY_ADDRESS,
    or this machine. GPUs are shared among the workers. Raises InputError if Ray is not
    installed, and what the function raises.
    """
    if not items:
        return
    with cluster(workers) as ray, tqdm(total=len(items), desc=description) as bar:
        resources = ray.cluster_resources()
        cores = int(resources["CPU"])
        count = min(workers or cores, cores, len(items))
        actor = ray.remote(
            num_cpus=1,
            num_gpus=_share(resources.get("GPU", 0), count),
            max_restarts=-1,
            max_task_retries=RETRIES,
        )(Worker)
        pool = [actor.remote(function) for _ in range(count)]
        _check_start(ray, pool)
        for pair in _results(ray, pool, items, lost):
            bar.update()
            yield pair


def _check_start(ray: Any, pool: list[Any]) -> None:
    """Raise InputError if the first worker to be ready can't work."""
    ready = [worker.__ray_ready__.remote() for worker in pool]
    (first,), _ = ray.wait(ready, num_returns=1)
    try:
        ray.get(first)
    except ray.exceptions.RayActorError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(
            "A worker of the Ray cluster can't start: install the project with its "
            f"extra at the same place on every machine, and start Ray there ({reason})"
        ) from error


def _results(
    ray: Any,
    pool: list[Any],
    items: Sequence[Item],
    lost: Callable[[Item], Result] | None,
) -> Iterator[tuple[Item, Result]]:
    """One item at a time for each worker: a crash loses one item, not more."""
    left = iter(items)
    running = {
        worker.apply.remote(item): (worker, item)
        for worker, item in zip(pool, left, strict=False)
    }
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        worker, item = running.pop(done)
        try:
            result = ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayActorError:
            if lost is None:
                raise
            result = lost(item)
        if (following := next(left, None)) is not None:
            running[worker.apply.remote(following)] = (worker, following)
        yield item, result


def _share(gpus: float, count: int) -> float:
    """GPUs of one worker: a whole one, or the hundredths that all can have."""
    return min(1.0, int(100 * gpus / count) / 100)


@contextmanager
def cluster(workers: int | None) -> Iterator[Any]:
    """Ray, connected to the cluster at RAY_ADDRESS or to one on this machine."""
    os.environ.setdefault("RAY_raylet_start_wait_time_s", SLOW_START)
    here = "RAY_ADDRESS" not in os.environ
    if here:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # nobody else can connect
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "Ray is not installed: pip install 'emoface[ray]', or take --engine local."
        ) from error
    started = not ray.is_initialized()
    if started:
        local = {"num_cpus": workers, "include_dashboard": False} if here else {}
        ray.init(log_to_driver=False, logging_level="warning", **local)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()
