"""The data of a domain through time: states, retention, erasure."""
