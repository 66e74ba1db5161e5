"""A model becomes one ONNX file: from raw columns, images, series or texts to probabilities.

`front` and a file a kind say how rows are prepared inside it, `write` makes it, with onnx and torch. It is opened in
`lepton.graph`.
"""
