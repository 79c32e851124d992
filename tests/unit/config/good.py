"""Settings that are right, and what is said where one of them is not."""

import base64

import pytest

from adminbot.config import Settings
from adminbot.errors import ConfigError

STORE_KEY = base64.b64encode(bytes(range(32))).decode()
GOOD = {
    "ADMINBOT_HOMESERVER": "http://matrix-synapse:8008/",
    "ADMINBOT_USER_ID": "@adminbot:example.org",
    "ADMINBOT_DEVICE_ID": "ADMINBOT1",
    "ADMINBOT_ACCESS_TOKEN": "syt_token",
    "ADMINBOT_STORE_KEY": STORE_KEY,
    "ADMINBOT_ROOM": "!room:example.org",
    "ADMINBOT_ADMINS": "@you:example.org",
}


def problem(**changed: str) -> str:
    """What is said about the good settings with these changes."""
    env = GOOD | {f"ADMINBOT_{name}": value for name, value in changed.items()}
    with pytest.raises(ConfigError) as caught:
        Settings.from_mapping(env)
    return str(caught.value)


def settings(**changed: str) -> Settings:
    return Settings.from_mapping(GOOD | {f"ADMINBOT_{k}": v for k, v in changed.items()})
