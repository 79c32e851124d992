"""Which certificates are believed. No connections in here."""

import ssl
from pathlib import Path


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Trust the system's authorities, and those in `ca_file` (PEM), too.

    Raises:
        OSError: the file cannot be read, or (`ssl.SSLError`) holds no certificate.
    """
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
