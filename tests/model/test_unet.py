"""The network's layers against NumPy, and what the whole of it promises."""

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from stemjax.config import UNet as Settings
from stemjax.model import unet
from stemjax.model.unet import UNet


def network(features: int = 2, depth: int = 1, *, last: bool = False) -> UNet:
    """Make a network; with `last`, one whose last layer is no longer zero."""
    made = UNet(Settings(features=features, depth=depth), rngs=nnx.Rngs(0))
    if last:
        kernel = made.last.kernel
        kernel.set_value(jnp.linspace(-1.0, 1.0, kernel.size).reshape(kernel.shape) + 0.3)
    return made


def noise(*shape: int) -> np.ndarray:
    """Make float32 noise."""
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("depth", "shape"), [(1, (3, 6, 10, 1)), (2, (1, 8, 12, 1))])
def test_a_frame_keeps_its_shape_and_at_first_its_values(
    depth: int, shape: tuple[int, ...]
) -> None:
    frames = noise(*shape)
    np.testing.assert_array_equal(network(depth=depth)(jnp.asarray(frames)), frames)
    changed = np.asarray(network(depth=depth, last=True)(jnp.asarray(frames)))
    assert changed.shape == shape
    assert np.abs(changed - frames).max() > 0.01


def test_halving_takes_the_maximum_of_two_by_two() -> None:
    x = noise(2, 4, 6, 3)
    expected = np.empty((2, 2, 3, 3), np.float32)
    for y in range(2):
        for column in range(3):
            block = x[:, 2 * y : 2 * y + 2, 2 * column : 2 * column + 2]
            expected[:, y, column] = block.max(axis=(1, 2))
    np.testing.assert_array_equal(unet._halved(jnp.asarray(x)), expected)


def test_doubling_is_a_transposed_convolution_beside_what_was_kept() -> None:
    up = unet._Up(3, 2, rngs=nnx.Rngs(1))
    joined = []

    def keep(x: jax.Array) -> jax.Array:
        joined.append(np.asarray(x))
        return x[..., :2]

    up.join = keep
    up.expand.bias.set_value(jnp.asarray(noise(8)))
    x, skip = noise(2, 3, 4, 3), noise(2, 6, 8, 2)
    kernel = np.asarray(up.expand.kernel.get_value()).reshape(3, 2, 2, 2)
    bias = np.asarray(up.expand.bias.get_value()).reshape(2, 2, 2)
    expected = np.zeros((2, 6, 8, 2))
    for y, column in np.ndindex(3, 4):  # each pixel adds its multiple of the kernel to 2 x 2
        patch = np.tensordot(x[:, y, column], kernel, axes=1) + bias
        expected[:, 2 * y : 2 * y + 2, 2 * column : 2 * column + 2] += patch
    up(jnp.asarray(x), jnp.asarray(skip))
    np.testing.assert_array_equal(joined[0][..., :2], skip)
    np.testing.assert_allclose(joined[0][..., 2:], expected, atol=1e-6)


def test_a_block_adds_two_convolutions_behind_rectifiers_to_a_first_one() -> None:
    block = unet._Block(2, 3, rngs=nnx.Rngs(3))
    for k, layer in enumerate((block.first, block.second, block.third)):
        layer.kernel.set_value(jnp.asarray(noise(*layer.kernel.shape) * (k + 1) / 5))
        layer.bias.set_value(jnp.asarray(noise(3) / (k + 1)))
    x = noise(1, 6, 5, 2)

    def convolved(x: np.ndarray, layer: nnx.Conv) -> np.ndarray:
        kernel, made = np.asarray(layer.kernel.get_value()), np.zeros((*x.shape[:3], 3))
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        for dy, dx in np.ndindex(3, 3):
            shifted = padded[:, dy : dy + x.shape[1], dx : dx + x.shape[2]]
            made += shifted @ kernel[dy, dx]
        return made + np.asarray(layer.bias.get_value())

    first = convolved(x, block.first)
    second = convolved(np.maximum(first, 0), block.second)
    expected = first + convolved(np.maximum(second, 0), block.third)
    np.testing.assert_allclose(block(jnp.asarray(x)), expected, atol=1e-4)


def test_one_channel_is_convolved_as_any_other() -> None:
    """Against JAX's own convolution, with its gradients."""
    x, kernel, weight = noise(2, 7, 5, 1), noise(3, 3, 1, 4), noise(2, 7, 5, 4)

    def whole(convolve: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array) -> jax.Array:
        return jnp.sum(convolve(x, kernel) * weight)

    def reference(x: jax.Array, kernel: jax.Array) -> jax.Array:
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)

    given = jnp.asarray(x), jnp.asarray(kernel)
    np.testing.assert_allclose(unet._of_one_channel(*given), reference(*given), atol=1e-5)
    for argument in (1, 2):
        mine = jax.grad(whole, argument)(unet._of_one_channel, *given)
        np.testing.assert_allclose(mine, jax.grad(whole, argument)(reference, *given), atol=1e-5)


@pytest.mark.parametrize("context", [3, 5])
def test_with_context_the_middle_frame_is_what_is_changed(context: int) -> None:
    made = UNet(Settings(features=2, depth=1, context=context), rngs=nnx.Rngs(0))
    frames = noise(2, 6, 8, context)
    restored = made(jnp.asarray(frames))
    np.testing.assert_array_equal(restored[..., 0], frames[..., context // 2])


def test_inside_a_shift_by_the_coarsest_pixel_moves_the_result_along() -> None:
    depth, edge = 2, 40  # pixels that the frame's edge reaches through all convolutions
    wide = noise(1, 100, 100, 1)
    apply = network(depth=depth, last=True)
    here = np.asarray(apply(jnp.asarray(wide[:, :96, :96])))
    moved = np.asarray(apply(jnp.asarray(wide[:, 4:, 4:])))
    inside = here[:, edge + 4 : 96 - edge, edge + 4 : 96 - edge]
    assert inside.size > 100
    np.testing.assert_allclose(
        moved[:, edge : 92 - edge, edge : 92 - edge], inside, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("features", "depth"), [(2, 1), (3, 2), (2, 3)])
def test_there_are_as_many_parameters_as_the_layers_say(features: int, depth: int) -> None:
    def block(inputs: int, outputs: int) -> int:
        return (9 * inputs + 1) * outputs + 2 * (9 * outputs + 1) * outputs

    widths = [features * 2**k for k in range(depth + 1)]
    expected = block(1, features) + features + 1
    for narrow, wide in pairwise(widths):
        expected += block(narrow, wide) + (wide + 1) * 4 * narrow + block(2 * narrow, narrow)
    shapes = nnx.state(nnx.eval_shape(lambda: network(features, depth)), nnx.Param)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == expected
