"""Decisions as pure functions: the gate, the controller, what a window is, which alerts are open."""
