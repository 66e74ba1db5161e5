"""A registered version made again from the registry alone."""
