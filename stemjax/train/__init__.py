"""Train a network from assembled pairs; resumable, reproducible."""
