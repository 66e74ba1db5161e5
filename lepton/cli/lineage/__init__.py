"""What `lepton lineage` does and prints, a file a view."""
