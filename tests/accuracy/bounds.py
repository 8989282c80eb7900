"""What the elementary functions and activations promise: the largest error, in units in the last place."""

BOUNDS = {
    "exp": 2,
    "expm1": 2,
    "log": 2,
    "log1p": 2,
    "erf": 2,
    "erfc": 2,
    "cos": 2,
    "tanh_forward": 2,
    "sigmoid_forward": 2,
    "identity_forward": 0,
    "relu_forward": 0,
    "leaky_relu_forward": 1,
    "elu_forward": 2,
    "selu_forward": 4,
    "gelu_forward": 4,
    "silu_forward": 4,
    "mish_forward": 4,
    "softplus_forward": 4,
    "hardtanh_forward": 0,
    "relu6_forward": 0,
}
