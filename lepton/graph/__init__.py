"""A champion in one ONNX file, opened: what it takes, what it says of itself, and its answers.

`fields` says what a graph takes, `about` what it tells of itself, `run` opens it: with numpy and onnxruntime, without
torch or pandas. It is written in `lepton.models.graph`.
"""
