"""Export: what serves a domain as one file, for who answers without lepton: an ONNX graph, or a page that holds it."""
