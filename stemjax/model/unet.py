"""A U-Net of residual blocks in the channels-last layout that XLA prefers."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from stemjax.config import UNet as Settings


class UNet(nnx.Module):
    """Predict the target from a rapid frame, as a change to it.

    The U-Net of Ronneberger et al. (2015) with residual blocks (He et al., 2016). The output is
    the input plus what the convolutions add: the network need not learn to copy. With context,
    the input's channels are the frame and its neighbours in time, the frame in the middle.
    """

    def __init__(self, settings: Settings, *, rngs: nnx.Rngs) -> None:
        widths = [settings.features * 2**level for level in range(settings.depth + 1)]
        inputs = [settings.context, *widths[:-1]]
        self.down = nnx.List([_Block(i, o, rngs=rngs) for i, o in zip(inputs, widths, strict=True)])
        self.up = nnx.List([_Up(2 * o, o, rngs=rngs) for o in reversed(widths[:-1])])
        self.last = nnx.Conv(widths[0], 1, (1, 1), rngs=rngs, kernel_init=ZERO)

    def __call__(self, frames: Float[Array, "batch y x context"]) -> Float[Array, "batch y x 1"]:
        """Apply the network; y and x are multiples of ``2**depth``."""
        middle = frames.shape[-1] // 2
        x = self.down[0](frames)
        skips = []
        for block in self.down[1:]:
            skips.append(x)
            x = block(_halved(x))
        for block in self.up:
            x = block(x, skips.pop())
        return frames[..., middle : middle + 1] + self.last(x)


class _Block(nnx.Module):
    """A 3 x 3 convolution, and what two more behind rectifiers add to it: at first nothing."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs) -> None:
        self.first = nnx.Conv(inputs, outputs, (3, 3), rngs=rngs, kernel_init=HE)
        self.second = nnx.Conv(outputs, outputs, (3, 3), rngs=rngs, kernel_init=HE)
        self.third = nnx.Conv(outputs, outputs, (3, 3), rngs=rngs, kernel_init=ZERO)

    def __call__(self, x: Float[Array, "batch y x inputs"]) -> Float[Array, "batch y x outputs"]:
        if x.shape[-1] == 1:
            x = _of_one_channel(x, self.first.kernel[...]) + self.first.bias[None, None, None]
        else:
            x = self.first(x)
        return x + self.third(nnx.relu(self.second(nnx.relu(x))))


class _Up(nnx.Module):
    """Double the resolution, join what the way down kept, convolve."""

    def __init__(self, inputs: int, outputs: int, *, rngs: nnx.Rngs) -> None:
        # A 2 x 2 transposed convolution of stride 2 is a product per pixel and a rearrangement,
        # which CPUs do several times faster.
        self.expand = nnx.Linear(inputs, 4 * outputs, rngs=rngs)
        self.join = _Block(2 * outputs, outputs, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch y x inputs"], skip: Float[Array, "batch Y X outputs"]
    ) -> Float[Array, "batch Y X outputs"]:
        batch, height, width, _ = x.shape
        parts = self.expand(x).reshape(batch, height, width, 2, 2, -1)
        doubled = parts.transpose(0, 1, 3, 2, 4, 5).reshape(batch, 2 * height, 2 * width, -1)
        return self.join(jnp.concatenate([skip, doubled], axis=-1))


@jax.custom_vjp
def _of_one_channel(
    x: Float[Array, "batch y x 1"], kernel: Float[Array, "3 3 1 outputs"]
) -> Float[Array, "batch y x outputs"]:
    """Convolve as a sum of nine products, which XLA fuses: on CPUs its convolution is slower."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return sum(
        padded[:, dy : dy + height, dx : dx + width] * kernel[dy : dy + 1, dx : dx + 1]
        for dy in range(3)
        for dx in range(3)
    )


def _convolved(x: Array, kernel: Array) -> Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)


# Its gradient is that of the convolution, which is the faster one there.
_of_one_channel.defvjp(
    lambda x, kernel: (_of_one_channel(x, kernel), (x, kernel)),
    lambda kept, change: jax.vjp(_convolved, *kept)[1](change),
)


HE, ZERO = nnx.initializers.he_normal(), nnx.initializers.zeros


def _halved(x: Float[Array, "batch y x channels"]) -> Float[Array, "batch Y X channels"]:
    """Take the maximum of 2 x 2 pixels; as a reshape, its gradient is cheap on CPUs."""
    batch, height, width, channels = x.shape
    return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
