"""Models as files that run without this package: Paddle Inference's format, and ONNX."""
