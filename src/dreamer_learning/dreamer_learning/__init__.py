"""World models and the agents that learn in them, in plain PyTorch."""
