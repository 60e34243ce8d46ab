"""The map from rapid-frame columns to the slow grid, and the detector's lag."""
