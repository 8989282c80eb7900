"""Networks elsewhere: to and from PyTorch, ONNX and scikit-learn, and as C.

Each file imports another library where it is asked for, and never before.
"""
