"""What a delivery must meet before it may enter a domain: contract, validation, quarantine, ingest."""
