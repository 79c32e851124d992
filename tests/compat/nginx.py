"""nginx before Synapse: what operators write into its configuration, right and wrong.

The first of these is Synapse's docs/reverse_proxy.md with the admin API let through; without it,
as it stands there, is the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adminbot.demo.homeserver import free_port
from tests.compat.servers import own_directory, process, program, wait_until
from tests.front import authority

_CONFIG = """\
daemon off;
pid DIR/pid;
events {}
http {
  access_log DIR/access.log;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header Host $host:$server_port;
  proxy_http_version 1.1;
  client_max_body_size 50M;
SITE
}
"""
_PASS = "proxy_pass http://127.0.0.1:SYNAPSE;"
_EVERYTHING = f"location ~ ^(/_matrix|/_synapse/client|/_synapse/admin) {{ {_PASS} }}"
_TLS = (
    "listen 127.0.0.1:HTTPS ssl; "
    "ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key;"
)

LET_THROUGH = f"server {{ listen 127.0.0.1:HTTP; {_EVERYTHING} }}"
LEFT_OUT = (
    f"server {{ listen 127.0.0.1:HTTP; location ~ ^(/_matrix|/_synapse/client) {{ {_PASS} }} }}"
)
DENIED = (
    "server { listen 127.0.0.1:HTTP; location /_synapse/admin { deny all; } "
    f"location / {{ {_PASS} }} }}"
)
BELOW_A_PATH = (
    "server { listen 127.0.0.1:HTTP; location /matrix/ { proxy_pass http://127.0.0.1:SYNAPSE/; } }"
)
# Without the rewriting nginx makes a `/` of a `%2F` in the path.
AS_SENT = (
    "server { listen 127.0.0.1:HTTP; location /matrix/ { "
    "rewrite ^ $request_uri; rewrite ^/matrix(/.*)$ $1 break; return 400; "
    "proxy_pass http://127.0.0.1:SYNAPSE$uri; } }"
)
TLS = f"server {{ {_TLS} {_EVERYTHING} }}"
TO_HTTPS = f"{TLS} server {{ listen 127.0.0.1:HTTP; return 301 https://$host:HTTPS$request_uri; }}"
SHORT = f"server {{ listen 127.0.0.1:HTTP; proxy_read_timeout 5s; {_EVERYTHING} }}"


@dataclass(frozen=True)
class Nginx:
    """An nginx that runs; `ca_file` belongs to its certificate."""

    http: int
    https: int
    directory: Path

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    def requests(self, word: str) -> int:
        """How many requests were answered so far whose line in the log has this word."""
        return (self.directory / "access.log").read_text().count(word)


@contextmanager
def nginx(site: str, synapse: int) -> Iterator[Nginx]:
    """nginx with this site, before the Synapse at this port of loopback."""
    with own_directory() as directory:
        found = Nginx(free_port(), free_port(), directory)
        authority(directory)
        (directory / "server.key").chmod(0o644)  # made by us, read by a process without rights
        config = _CONFIG.replace("SITE", site).replace("SYNAPSE", str(synapse))
        config = config.replace("HTTPS", str(found.https)).replace("HTTP", str(found.http))
        (directory / "conf").write_text(config.replace("DIR", str(directory)))
        words = (program("nginx"), "-e", "error.log", "-p", str(directory), "-c", "conf")
        with process(directory, *words):
            # Written once it listens.
            wait_until((directory / "pid").exists, directory)
            yield found
