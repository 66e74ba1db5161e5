"""A champion that answers over HTTP, whose answers feed the monitor.

A request goes `request` (bytes to columns) -> `check` (the contract) -> `batching` (who waits is answered together) ->
`desk` (one graph answers, `journal` logs) -> `answers` (columns to bytes). `app` says which address leads where,
`server` holds the port. Nothing here knows a workspace or a ledger: `lepton.operations.serve` does.
"""
