"""The running service and the composition of its parts: the composition root."""
