"""Judging what came since a champion was adapted, and telling people."""
