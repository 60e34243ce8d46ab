"""Restore series of any length in bounded memory."""
