"""The same work on the machines of a Ray cluster: `--engine ray`.

Ray is an extra (`pip install emoface[ray]`), imported here only. Each worker loads
what it needs once and writes its own results, so that only names are sent. A worker
that crashes is started again and its clip is processed again, with the same result.
Training resumes from the state that was written last.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from tqdm.auto import tqdm

from emoface_lib.core.errors import InputError
from emoface_lib.core.files import write_beside
from emoface_lib.core.parallel import one_thread

Item = TypeVar("Item")
Result = TypeVar("Result")
SLOW_START = "120"  # s; a busy machine needs as much
RETRIES = 1  # times an item is tried again after its worker crashed
RESTARTS = 3  # times that training resumes after a worker crashed
NOTES = "ray"  # folder of Ray Train's own notes


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


def train_by_ray(
    train: Callable[[], object],
    folder: Path,
    workers: int | None = None,
    gpus: bool = True,
) -> None:
    """Let workers train as one by Ray Train: each calls `train`, which calls `fit`.

    folder : on a file system that all machines see, for Ray's own notes, which are
    removed at the end; workers : None takes one a GPU of the cluster, or one if it has
    none; gpus : whether to use them. If a worker crashes, all restart from the state
    that `fit` has kept. Raises InputError if Ray is not installed or the cluster is too
    small, and that of `train`.
    """
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", SLOW_START)
    with cluster(workers, shown=True) as ray:
        from ray import train as ray_train
        from ray.train.torch import TorchTrainer

        count, gpu = _places(ray.cluster_resources(), workers, gpus)
        complaint = folder / NOTES / "complaint"
        trainer = TorchTrainer(
            partial(_train_here, train, complaint),
            scaling_config=ray_train.ScalingConfig(num_workers=count, use_gpu=gpu),
            run_config=ray_train.RunConfig(
                storage_path=str(folder / NOTES),
                failure_config=ray_train.FailureConfig(max_failures=RESTARTS),
            ),
        )
        try:
            trainer.fit()
            if complaint.exists():
                raise InputError(complaint.read_text())
        finally:
            shutil.rmtree(folder / NOTES, ignore_errors=True)


def _places(
    resources: dict[str, float], workers: int | None, use: bool = True
) -> tuple[int, bool]:
    """How many workers train, and whether on GPUs; Ray would wait for more for ever."""
    gpus = int(resources.get("GPU", 0)) if use else 0
    count, most = workers or max(1, gpus), gpus or int(resources["CPU"])
    if count > most:
        kind = "GPUs" if gpus else "cores"
        raise InputError(
            f"{count} workers need as many {kind}, and the cluster has {most}: give "
            f"--workers {most} at most."
        )
    return count, gpus > 0


def _train_here(train: Callable[[], object], complaint: Path) -> None:
    """In a worker, whose process group Ray has made: nccl on GPUs, else gloo.

    What a user got wrong is left in a file: beginning again would not help.
    """
    from ray.train.torch import get_device

    one_thread()
    if (device := get_device()).type == "cuda":
        torch.cuda.set_device(device)
    try:
        train()
    except InputError as error:
        with write_beside(complaint) as beside:
            beside.write_text(str(error))


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
def cluster(workers: int | None, shown: bool = False) -> Iterator[Any]:
    """Ray, connected to the cluster at RAY_ADDRESS or to one on this machine.

    shown : whether what workers print is shown here.
    """
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
        ray.init(log_to_driver=shown, logging_level="warning", **local)
    try:
        yield ray
    finally:
        if started:
            ray.shutdown()
