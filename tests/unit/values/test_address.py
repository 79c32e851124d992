"""Where to listen, as it may be written."""

import pytest

from adminbot.values.address import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9464", "127.0.0.1", 9464),
        (":9464", "127.0.0.1", 9464),
        ("localhost:9464", "127.0.0.1", 9464),
        ("0.0.0.0:9464", "0.0.0.0", 9464),  # noqa: S104  # said, so meant
        ("[::1]:1", "::1", 1),
        ("[2001:DB8:0::7]:65535", "2001:db8::7", 65535),
    ],
)
def test_a_port_alone_means_this_machine_only(text: str, host: str, port: int) -> None:
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "0", "65536", "-1", "٣", "1e3", "9464 ", "127.0.0.1", "127.0.0.1:", "::1:9464"),
        *("[127.0.0.1]:9464", "[::1]", "[]:9464", "example.org:9464", "http://127.0.0.1:9464"),
        *("9" * 5000, "127.0.0.1:" + "9" * 5000, "256.0.0.1:9464", "127.1:9464"),
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # its words are config/parsing.py's
        Address.parse(text)
