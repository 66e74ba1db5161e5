"""The steps, oldest first; once released, a step is never changed."""
