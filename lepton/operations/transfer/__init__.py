"""Adapting to a target: what is asked for, what is tried, what is judged, and what becomes of it."""
