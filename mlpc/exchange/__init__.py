"""Networks of other libraries, from and to them: PyTorch, ONNX and scikit-learn.

Each file imports the other library where it is asked for, and never before.
"""
