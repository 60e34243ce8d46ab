"""Figures for a paper, after those of Ihara et al., Sci. Rep. 12, 13462 (2022)."""
