"""When and where: Prefect flows, one thin file a verb. What they do is `lepton.operations`, and knows no flow."""
