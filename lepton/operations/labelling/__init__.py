"""Asking people for labels: which rows, and how many until a verdict."""
