"""lepton: cross-domain transfer as an orchestrated, guarded and audited workflow."""

__version__ = "0.1.0"
