"""`lepton.yaml` and the environment: typed settings, where each came from, and the folder that they speak of."""
