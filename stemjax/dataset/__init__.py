"""Pairs of rapid and slow pixels: which, on which grid, in which scale."""
