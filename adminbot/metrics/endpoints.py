"""From a request's path to the class of its endpoint: no id comes through."""

import re

# By the first word below /_matrix/client/v3.
_CLIENT = {
    "sync": "sync",
    "keys": "keys",
    "sendToDevice": "to_device",
    "login": "login",
    "logout": "login",
    "account": "login",
    "register": "login",
    "rooms": "rooms",
    "createRoom": "rooms",
    "join": "rooms",
    "joined_rooms": "rooms",
    "directory": "rooms",
    "profile": "profile",
    "user": "account_data",
    "media": "media",
    "versions": "versions",
    "auth_metadata": "versions",
}
# By the first word below /_synapse/admin/v1.
_ADMIN = {
    "users": "admin_users",
    "user": "admin_users",
    "whois": "admin_users",
    "deactivate": "admin_users",
    "register": "admin_users",
    "username_available": "admin_users",
    "registration_tokens": "admin_tokens",
    "rooms": "admin_rooms",
    "server_version": "versions",
}
_OTHER = "other"
ENDPOINTS = (*dict.fromkeys([*_CLIENT.values(), "send", *_ADMIN.values()]), _OTHER)
STATUSES = ("2xx", "3xx", "429", "4xx", "5xx", "none")

_CLIENT_PATH = re.compile(r"/_matrix/client/(?:(?:r|v)\d+/|unstable/[^/]+/)?(\w+)")
_ADMIN_PATH = re.compile(r"/_synapse/admin/v\d+/(\w+)")
_SENDS = re.compile(r"/rooms/[^/]+/(?:send|redact)/")


def endpoint_of(path: str) -> str:
    """`path`: as it is sent, with each / in an id quoted; also behind a base path."""
    if found := _CLIENT_PATH.search(path):
        return "send" if _SENDS.search(path) else _CLIENT.get(found[1], _OTHER)
    if found := _ADMIN_PATH.search(path):
        return _ADMIN.get(found[1], _OTHER)
    if "/_matrix/media/" in path:
        return "media"
    return "versions" if "/.well-known/" in path else _OTHER


def status_of(code: int) -> str:
    """The class of an HTTP status; 429 is one of its own. `code` 0: no answer came."""
    if not code:
        return "none"
    return "429" if code == 429 else f"{code // 100}xx"
