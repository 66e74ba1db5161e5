"""Serve: what binds a champion that answers over HTTP to a workspace, its ledger and its data."""
