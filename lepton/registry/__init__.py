"""Models, their ancestry and their promotion; the only room that imports MLflow, and only inside functions."""
