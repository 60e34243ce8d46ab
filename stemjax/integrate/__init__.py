"""Drift-corrected frame integration (DCFI): many rapid frames into one image."""
