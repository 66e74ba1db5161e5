"""Models, their ancestry and their promotion. MLflow is imported in `mlflow/` alone."""
