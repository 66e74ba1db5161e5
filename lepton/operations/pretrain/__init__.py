"""Training a base model on the source."""
