"""The running service, and how its parts are put together: the composition root."""
