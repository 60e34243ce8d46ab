"""A batch shared by devices is learned from as by one."""

import jax
import numpy as np
import pytest
from flax import nnx

from stemjax.config import Train, UNet
from stemjax.model.parameters import new_network
from stemjax.train.devices import sharing
from stemjax.train.step import make_step, optimiser

BATCH, STEPS = 4, 6  # steps until what starts at zero has let the gradient through


def learned(devices: list[jax.Device]) -> dict:
    """Take a few steps with a batch shared by `devices`."""
    shared, whole = sharing(BATCH, devices)
    assert len(shared.device_set) == len(devices)
    graph, network = new_network(UNet(features=2, depth=1), 0)
    transformation = optimiser(Train(learning_rate=1e-2), STEPS)
    parameters = nnx.to_pure_dict(network)
    state = transformation.init(parameters)
    parameters, state = jax.device_put((parameters, state), whole, may_alias=False)
    step = make_step(graph, transformation)
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        batch = rng.normal(size=(2, BATCH, 16, 16, 1)).astype(np.float32)
        rapid, target = jax.device_put((batch[0], batch[1]), shared)
        parameters, state, _ = step(parameters, state, rapid, target)
    return jax.tree.map(np.asarray, parameters)


def test_two_devices_learn_what_one_does() -> None:
    one, two = jax.devices()[:2]
    alone, together = learned([one]), learned([one, two])
    start = nnx.to_pure_dict(new_network(UNet(features=2, depth=1), 0)[1])
    for a, b, c in zip(*map(jax.tree.leaves, (alone, together, start)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
        assert not np.array_equal(a, np.asarray(c))  # they have learned


@pytest.mark.parametrize(("batch_size", "used"), [(1, 1), (2, 2), (5, 1), (6, 2)])
def test_a_batch_is_shared_evenly_or_by_fewer(batch_size: int, used: int) -> None:
    shared, whole = sharing(batch_size, jax.devices()[:2])
    batch = jax.device_put(np.zeros((batch_size, 3)), shared)
    assert {part.data.shape[0] for part in batch.addressable_shards} == {batch_size // used}
    assert len(batch.addressable_shards) == used
    assert whole.is_fully_replicated
