"""The network of stemjax in PyTorch: patches learned from per second.

python training.py FEATURES DEPTH BATCH PATCH STEPS bfloat16|float32
"""

import sys
import time

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """As `_Block` of stemjax/model/unet.py."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.third = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        x = self.first(x)
        return x + self.third(functional.relu(self.second(functional.relu(x))))


class UNet(nn.Module):
    """As `UNet` there."""

    def __init__(self, features: int, depth: int) -> None:
        super().__init__()
        widths = [features * 2**level for level in range(depth + 1)]
        inputs = [1, *widths[:-1]]
        self.down = nn.ModuleList(Block(i, o) for i, o in zip(inputs, widths, strict=True))
        wide = list(reversed(widths[:-1]))
        self.expand = nn.ModuleList(nn.ConvTranspose2d(2 * o, o, 2, 2) for o in wide)
        self.join = nn.ModuleList(Block(2 * o, o) for o in wide)
        self.last = nn.Conv2d(features, 1, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Restore."""
        x, skips = self.down[0](frames), []
        for block in self.down[1:]:
            skips.append(x)
            x = block(functional.max_pool2d(x, 2))
        for expand, join in zip(self.expand, self.join, strict=True):
            x = join(torch.cat([skips.pop(), expand(x)], 1))
        return frames + self.last(x)


def main(features: int, depth: int, batch: int, patch: int, steps: int, dtype: str) -> None:
    """Learn from a constant batch; print patches per second."""
    network = UNet(features, depth).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    rapid = torch.randn(batch, 1, patch, patch).contiguous(memory_format=torch.channels_last)
    half = dtype == "bfloat16"

    def step() -> None:
        adam.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            prediction = network(rapid)
        functional.mse_loss(prediction.float(), 2 * rapid).backward()
        adam.step()

    for _ in range(3):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    print(batch * steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:6]), sys.argv[6])
