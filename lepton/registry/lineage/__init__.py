"""What a model came of: its record, and every view of all records."""
