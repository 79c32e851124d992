"""How a managed account's device stands, as a table. No server."""

import pytest

from adminbot.crosssigning import DeviceState, device_state
from tests.test_crosssigning import JSON, YOU, answer_of, device_of, identity, signed_by

MINE, OTHER = identity(), identity()
PHONE, TABLET = device_of(), device_of(name="TABLET")
FORGED = PHONE | {"signatures": TABLET["signatures"]}
NOTHING: JSON = {"device_keys": {}}

TRUSTED, UNSIGNED = DeviceState.TRUSTED, DeviceState.UNSIGNED
NEVER, OUT = DeviceState.NEVER_STARTED, DeviceState.SIGNED_OUT


@pytest.mark.parametrize(
    ("answer", "device_id", "state"),
    [
        pytest.param(answer_of(MINE, signed_by(MINE, PHONE)), "PHONE", TRUSTED, id="signed"),
        pytest.param(answer_of(MINE, PHONE), "PHONE", UNSIGNED, id="not signed"),
        pytest.param(
            answer_of(MINE, signed_by(OTHER, PHONE)), "PHONE", UNSIGNED, id="signed by another"
        ),
        pytest.param(
            answer_of(MINE, PHONE, signed_by(MINE, TABLET)), "PHONE", UNSIGNED, id="other signed"
        ),
        pytest.param(
            {"device_keys": {YOU: {"PHONE": PHONE}}}, "PHONE", UNSIGNED, id="no identity"
        ),
        pytest.param(NOTHING, "PHONE", NEVER, id="no keys"),
        pytest.param(
            answer_of(MINE, signed_by(MINE, TABLET)), "PHONE", NEVER, id="another device"
        ),
        pytest.param(
            answer_of(MINE, FORGED), "PHONE", NEVER, id="keys that do not sign themselves"
        ),
        pytest.param(answer_of(MINE, signed_by(MINE, PHONE)), None, OUT, id="no device"),
    ],
)
def test_how_a_managed_device_stands(
    answer: JSON, device_id: str | None, state: DeviceState
) -> None:
    assert device_state(answer, YOU, device_id) is state
