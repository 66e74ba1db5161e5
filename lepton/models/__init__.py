"""Encoders, adapters, heads, and the on-disk model format."""
