"""What the results are worth: metrics, baselines, figures, the report."""
