"""A champion in one ONNX file, opened: what it takes, what it says of itself, and its answers. Needs numpy and onnxruntime.

`fields` says what a graph takes, `about` what it tells of itself, `run` opens it. It is written in `lepton.models.graph`.
"""
