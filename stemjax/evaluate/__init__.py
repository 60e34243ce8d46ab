"""What the results are worth: metrics, baselines, statistics."""
