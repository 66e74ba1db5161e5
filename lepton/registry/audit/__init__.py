"""What an auditor asks of the ledger, and the record as files for others."""
