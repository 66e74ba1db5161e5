"""One file a verb; each has `add_to(app)` and imports nothing heavy before it is called."""
