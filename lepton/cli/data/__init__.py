"""What `lepton data` does and prints, a file a subject."""
