"""MLflow, and the only place that imports it, and only inside functions."""
