"""What is packed, installed in each way that the README names: `make packages`."""
