"""Restore rapid-scan STEM series: undistort, learn rapid to slow, denoise at scale."""

__version__ = "0.1.0"
