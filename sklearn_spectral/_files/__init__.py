"""How models leave the process: our own files and ONNX."""
