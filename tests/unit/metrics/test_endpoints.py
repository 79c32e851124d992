"""The classes of endpoints: every request that adminbot sends has one, and no id comes through."""

import re

import pytest

from adminbot.metrics.endpoints import ENDPOINTS, STATUSES, endpoint_of, status_of
from tests import ROOT

_V3 = "/_matrix/client/v3"
_ADMIN = "/_synapse/admin"


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        (f"{_V3}/sync?timeout=30000&set_presence=offline", "sync"),
        ("/_matrix/client/r0/sync?access_token=x", "sync"),
        (f"/base{_V3}/keys/query", "keys"),
        (f"{_V3}/sendToDevice/m.room.encrypted/1", "to_device"),
        (f"{_V3}/rooms/%21r%3Ax.org/send/m.room.message/1", "send"),
        (f"{_V3}/rooms/%21r%3Ax.org/redact/%24e/1", "send"),
        (f"{_V3}/rooms/%21r%3Ax.org/state", "rooms"),
        (f"{_V3}/join/%21r%3Ax.org?via=x.org", "rooms"),
        (f"{_V3}/createRoom", "rooms"),
        (f"{_V3}/account/whoami", "login"),
        (f"{_V3}/profile/%40you%3Ax.org/displayname", "profile"),
        (f"{_V3}/user/%40you%3Ax.org/account_data/m.direct", "account_data"),
        ("/_matrix/client/v1/media/download/x.org/abc", "media"),
        ("/_matrix/media/v3/upload", "media"),
        ("/_matrix/client/versions", "versions"),
        ("/_matrix/client/v1/auth_metadata", "versions"),
        ("/_matrix/client/unstable/org.matrix.msc2965/auth_metadata", "versions"),
        ("/.well-known/matrix/client", "versions"),
        (f"{_ADMIN}/v2/users/%40rooms%3Ax.org", "admin_users"),
        (f"{_ADMIN}/v1/registration_tokens/new", "admin_tokens"),
        (f"{_ADMIN}/v1/rooms/%21r%3Ax.org", "admin_rooms"),
        (f"{_ADMIN}/v1/server_version", "versions"),
        (f"{_ADMIN}/v1/whatever", "other"),
        (f"{_V3}/whatever/sync", "other"),
        ("/_matrix/key/v2/server", "other"),
        ("", "other"),
    ],
)
def test_a_path_has_the_class_of_its_first_word(path: str, endpoint: str) -> None:
    assert endpoint_of(path) == endpoint
    assert endpoint in ENDPOINTS


@pytest.mark.parametrize(
    ("code", "status"),
    [(0, "none"), (200, "2xx"), (302, "3xx"), (403, "4xx"), (429, "429"), (502, "5xx")],
)
def test_a_status_has_the_class_of_its_first_digit(code: int, status: str) -> None:
    assert status_of(code) == status
    assert status in STATUSES


def test_no_endpoint_of_ours_is_counted_as_other() -> None:
    """A new one belongs in a table of endpoints.py."""
    source = "".join(path.read_text() for path in (ROOT / "adminbot/homeserver").glob("*.py"))
    paths = {f"{_V3}/{word}" for word in re.findall(r"{_V3}/(\w+)", source)}
    paths |= set(re.findall(r"/_synapse/admin/v\d/\w+|/_matrix/(?!client/v3)\w+/\w+/\w+", source))
    assert len(paths) > 20
    assert not {path for path in paths if endpoint_of(path) == "other"}
