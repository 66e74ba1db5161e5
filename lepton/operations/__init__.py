"""The verbs: each loads what it needs once, and runs with no server around it."""
