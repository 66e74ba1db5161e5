"""Encoders, adapters, heads, and the on-disk model format."""

from lepton.core.extras import require

require("torch", "safetensors", "pandas")
