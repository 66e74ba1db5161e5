"""The demo: the whole story on real digits with the real components, told by the same flows that a user runs."""
