"""The network of stemjax in PyTorch, channels last: frames restored per second.

python restoring.py FEATURES DEPTH SIZE FRAMES
"""

import sys
import time

import torch
from training import UNet


def main(features: int, depth: int, size: int, frames: int) -> None:
    """Print frames per second of the network alone, with batches of the better size."""
    network = UNet(features, depth).to(memory_format=torch.channels_last).eval()
    rates = []
    with torch.inference_mode():
        for batch in (1, 2, 4):
            rapid = torch.randn(batch, 1, size, size)
            rapid = rapid.contiguous(memory_format=torch.channels_last)
            network(rapid)
            start = time.perf_counter()
            for _ in range(-(-frames // batch)):
                network(rapid)
            rates.append(-(-frames // batch) * batch / (time.perf_counter() - start))
    print(max(rates))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
