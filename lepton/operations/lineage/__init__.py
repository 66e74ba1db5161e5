"""What came of what, from the ledger: the tree, one version, two held beside each other, how far something reached."""
