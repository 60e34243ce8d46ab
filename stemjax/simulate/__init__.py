"""A simulated rapid-scan microscope: specimen, scan, electrons, detector, Velox files.

It shares no code with the fits that are tested on it, so that they cannot agree by being
wrong together.
"""
