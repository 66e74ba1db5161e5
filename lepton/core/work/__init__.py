"""How work is done safely: whole files, leases, named points at which it may be killed, progress."""
