"""The devices that share each batch: all GPUs, or one for every CPU thread of the job."""

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


def use_threads(threads: int) -> None:
    """Make of the CPU as many devices as the job has threads; before JAX computes anything.

    Two devices with half a batch each are faster than one whose threads share every convolution.

    Args:
        threads: of the job.
    """
    jax.config.update("jax_num_cpu_devices", threads)


def sharing(
    batch_size: int, devices: Sequence[jax.Device] | None = None
) -> tuple[NamedSharding, NamedSharding]:
    """Say how devices hold a batch (each its part) and the parameters (each all of them).

    XLA adds up the gradients of the parts. A batch that cannot be shared out evenly is computed
    by fewer devices.

    Args:
        batch_size: patches of a step.
        devices: to use; by default all.
    """
    there = list(devices or jax.devices())
    used = max(n for n in range(1, len(there) + 1) if batch_size % n == 0)
    mesh = Mesh(np.array(there[:used]), ("batch",))
    return NamedSharding(mesh, PartitionSpec("batch")), NamedSharding(mesh, PartitionSpec())
