"""What people look at: the console line, TensorBoard, learning curves."""
