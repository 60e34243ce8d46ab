"""Where the units of a series are computed: threads, a local Dask cluster, or a running one."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dask
import jax
from dask.callbacks import Callback
from dask.delayed import Delayed

from stemjax.errors import UserError
from stemjax.progress import meter
from stemjax.restore.cache import WORTH_KEEPING_S

THREADS, PROCESSES = "threads", "processes"
CONNECT_S = 60  # to reach a running cluster


def compute(tasks: Sequence[Delayed], scheduler: str, threads: int, label: str) -> list[Any]:
    """Compute all tasks and report how far they are.

    Args:
        tasks: independent of each other.
        scheduler: ``threads`` of this process; ``processes``, a Dask cluster on this machine, in
            which each GPU belongs to one process; or the address of a running Dask cluster.
        threads: that this job may use.
        label: what the progress lines call the work.

    Raises:
        UserError: there is no such scheduler.
    """
    advance = meter(len(tasks), label)
    if scheduler == THREADS:
        keys = {task.key for task in tasks}

        def told(key: Any, *_: Any) -> None:
            if key in keys:
                advance()

        # One unit at a time is restored on a CPU, where another thread reads ahead; a GPU is
        # waited for by as many as read and write.
        workers = 2 if jax.default_backend() == "cpu" else max(threads, 2)
        with Callback(posttask=told):
            return list(dask.compute(*tasks, scheduler="threads", num_workers=workers))
    from distributed import as_completed

    with _client(scheduler, threads) as client:
        futures = client.compute(list(tasks))
        for future in as_completed(futures):
            future.result()  # here, so that the first failure ends it
            advance()
        return list(client.gather(futures))


@contextmanager
def _client(scheduler: str, threads: int) -> Iterator[Any]:
    from distributed import Client

    if scheduler == PROCESSES:
        with _local_cluster(threads) as cluster, Client(cluster) as client:
            yield client
        return
    if "://" not in scheduler:
        raise UserError(
            f"dask_scheduler '{scheduler}': use {THREADS}, {PROCESSES}, or the address of a "
            "running Dask scheduler such as tcp://host:8786"
        )
    try:
        client = Client(scheduler, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {scheduler}: {error}") from None
    with client:
        yield client


def _local_cluster(threads: int) -> Any:
    """Start a process for every GPU, or for every thread where there is none."""
    from distributed import Scheduler, SpecCluster
    from distributed.deploy.subprocess import SubprocessWorker

    # The processes find what this one does, whose script may have been given its path.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    os.environ["DASK_DISTRIBUTED__LOGGING__DISTRIBUTED"] = "warning"
    # Without a GPU, as many threads of XLA as a process shall use, whatever the machine has.
    envs = [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in visible_gpus()] or [{"NPROC": "1"}] * threads
    if cache := jax.config.jax_compilation_cache_dir:
        kept = {"JAX_COMPILATION_CACHE_DIR": cache}
        kept["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(WORTH_KEEPING_S)
        envs = [{**env, **kept} for env in envs]
    # Dask would take memory that JAX holds for a leak: the job's own limit is that of its profile.
    common = {"nthreads": 2, "dashboard": False, "memory_limit": 0}
    options = [{**common, "env": env} for env in envs]
    workers = {
        k: {"cls": SubprocessWorker, "options": {"worker_kwargs": each}}
        for k, each in enumerate(options)
    }
    local = {"host": "127.0.0.1", "dashboard": False}
    scheduler = {"cls": Scheduler, "options": local}
    return SpecCluster(scheduler=scheduler, workers=workers, silence_logs=logging.WARNING)


def visible_gpus() -> list[str]:
    """Name the NVIDIA GPUs that this job may use, without taking hold of any."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [each for each in visible.split(",") if re.match(r"\d|GPU-|MIG-", each)]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    except OSError:
        return []
    return [str(k) for k, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU ")]
