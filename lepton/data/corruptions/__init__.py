"""Simulated degradations, a file a kind of row: what drift costs is learnt from them."""
