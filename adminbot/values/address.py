"""Where to listen: an IP address and a port."""

import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

_LOOPBACK = "127.0.0.1"
_MOST = 65535


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`127.0.0.1:9464`, `[::1]:9464`; a port alone means this machine only.

        Raises ValueError.
        """
        host, _, port = text.rpartition(":")
        if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= _MOST):
            raise ValueError("not a port")
        if host.lower() in ("", "localhost"):
            return cls(_LOOPBACK, int(port))
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (":" in bare) != (bare != host):
            raise ValueError("brackets belong around IPv6, and around nothing else")
        return cls(str(ip_address(bare)), int(port))

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
