"""Wrong set-ups, each with its own sentence and remedy; and the right ones behind a front."""

import json
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.errors import AdminbotError
from adminbot.homeserver.probe import find_server
from tests.front import Answers, authority, front, page
from tests.live.test_setup import serves
from tests.world import Bot, a_person, adminbot

pytestmark = pytest.mark.anyio

HINT = "hunter2"  # stands in what servers send, and in no sentence
HTML = f"<html>{HINT}</html>"
HTTPS_PORT = f"<html>400 The plain HTTP request was sent to HTTPS port {HINT}</html>"


def only(path: str, answer: bytes) -> Answers:
    """Synapse but for what begins with this path."""
    return lambda asked: answer if asked.startswith(path) else None


def as_json(body: object, status: int = 200) -> bytes:
    return page(status, json.dumps(body))


def elsewhere(asked: str) -> bytes:
    if asked == "/.well-known/matrix/client":
        return as_json({"m.homeserver": {"base_url": "https://matrix.example.org/hs/"}})
    return page(404, HTML)


VERSION = "/_synapse/admin/v1/server_version"
ADMIN_BACK = ("keeps /_synapse/admin back", "Use Synapse's own address")
FRONTS: dict[str, tuple[Answers, str, str]] = {
    **{
        f"admin API blocked by {status}": (only("/_synapse", page(status, HTML)), *ADMIN_BACK)
        for status in (401, 403, 404)
    },
    "admin API blocked in JSON": (only("/_synapse", as_json({"error": HINT}, 403)), *ADMIN_BACK),
    "admin API behind a login page": (
        only("/_synapse", page(302, HTML, Location=f"https://sso.{HINT}/")),
        *ADMIN_BACK,
    ),
    "admin API goes nowhere": (
        only("/_synapse", page(502, HTML)),
        "its admin API does not (HTTP 502)",
        "/_synapse/admin on to Synapse",
    ),
    "no Synapse": (
        only("/_synapse", as_json({"errcode": "M_UNRECOGNIZED", "error": HINT}, 404)),
        "it is no Synapse, or only a worker",
        "its main process",
    ),
    "http to https": (
        lambda asked: page(301, HTML, Location=f"https://127.0.0.1:8448{asked}?{HINT}"),
        "sends everybody on to https",
        "Use https://127.0.0.1:8448",
    ),
    "another redirect": (
        lambda asked: page(302, HTML, Location=f"http://{HINT}.example/"),
        "sends everybody on to another address",
        "Synapse's own, such as http://localhost:8008",
    ),
    "502": (
        lambda asked: page(502, HTML),
        "Synapse behind it does not (HTTP 502)",
        "Start Synapse",
    ),
    "504": (
        lambda asked: page(504, HTML),
        "Synapse behind it does not (HTTP 504)",
        "Start Synapse",
    ),
    "everything forbidden": (
        lambda asked: page(403, HTML),
        "lets nobody through to Matrix (HTTP 403)",
        "pass /_matrix and /_synapse/admin",
    ),
    "http on an https port": (
        lambda asked: page(400, HTTPS_PORT),
        "speaks https, and was asked in http",
        "Use https://127.0.0.1:",
    ),
    "a forgotten path": (lambda asked: page(404, HTML), "it is no Matrix homeserver", "/PATH"),
    "some web page": (lambda asked: page(200, HTML), "it is no Matrix homeserver", "/PATH"),
    "where its well-known is": (
        elsewhere,
        "it is no Matrix homeserver",
        "use https://matrix.example.org/hs",
    ),
    "it hangs up": (
        lambda asked: b"",
        "hangs up without an answer",
        "If it speaks https: https://",
    ),
    "Synapse 1.109": (
        only(VERSION, as_json({"server_version": "1.109.0 (b=x)"})),
        "That is Synapse 1.109.0, and adminbot needs 1.110 or newer",
        "Upgrade Synapse first",
    ),
    "MAS": (
        only("/_matrix/client/v1/auth_metadata", as_json({"issuer": f"https://{HINT}/"})),
        "hands its accounts to MAS",
        "keeps its own accounts",
    ),
}


async def refusal(url: str, ca_file: Path | None = None) -> str:
    with pytest.raises(AdminbotError) as caught:
        await find_server(url, ca_file)
    said = caught.value.message()
    assert HINT not in said
    return said


@pytest.mark.parametrize("what", FRONTS)
async def test_each_wrong_set_up_has_its_sentence_and_its_remedy(
    homeserver: Homeserver, what: str
) -> None:
    answers, sentence, remedy = FRONTS[what]
    async with front(answers, to=homeserver.port) as port:
        said = await refusal(f"http://127.0.0.1:{port}")

    assert sentence in said
    assert remedy in said


async def test_a_path_is_part_of_the_url(homeserver: Homeserver) -> None:
    async with front(to=homeserver.port, prefix="/hs") as port:
        url = f"http://127.0.0.1:{port}"
        assert f"{url}/PATH" in await refusal(url)
        assert f"Check the path, or use {url}" in await refusal(f"{url}/other")
        assert f"Use {url}/hs" in await refusal(f"{url}/hs/_matrix/client")
        assert await find_server(f"{url}/hs")


async def test_https_on_an_http_port(homeserver: Homeserver, directory: Path) -> None:
    bot = Bot(homeserver, directory, via=f"https://127.0.0.1:{homeserver.port}")
    code, out, err = await adminbot(*bot.setup_words(["@you:example.test"]))

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"127.0.0.1:{homeserver.port} does not speak https" in err
    assert f"Use http://127.0.0.1:{homeserver.port}" in err


async def test_certificates(homeserver: Homeserver, tmp_path: Path) -> None:
    good, other, old = (tmp_path / name for name in ("good", "other", "old"))
    for directory in (good, other, old):
        directory.mkdir()
    async with AsyncExitStack() as stack:

        async def serving(tls: ssl.SSLContext) -> str:
            port = await stack.enter_async_context(front(to=homeserver.port, tls=tls))
            return f"https://127.0.0.1:{port}"

        url = await serving(authority(good))
        said = await refusal(url)
        assert "comes from an authority that is not trusted here" in said
        assert "ADMINBOT_CA_FILE" in said
        assert await find_server(url, good / "ca.pem")
        assert "hangs up" in await refusal(url.replace("https", "http"))

        elsewhere = await serving(authority(other, name="DNS:matrix.example.org"))
        assert "made out to another name" in await refusal(elsewhere, other / "ca.pem")
        outdated = await serving(authority(old, days=-1))
        assert "has expired" in await refusal(outdated, old / "ca.pem")


async def test_with_a_ca_of_its_own_and_below_a_path_it_serves(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Both its connections, httpx's and aiohttp's, trust that authority; the env file keeps it."""
    you = await a_person(homeserver, root, f"you-{directory.name}")
    tls = authority(directory)
    async with front(to=homeserver.port, tls=tls, prefix="/hs") as port:
        bot = Bot(homeserver, directory, via=f"https://127.0.0.1:{port}/hs")
        code, _, err = await adminbot(*bot.setup_words([you.user_id]))
        assert (code, "not trusted" in err) == (1, True), err
        code, _, err = await adminbot(
            *bot.setup_words([you.user_id]), "--ca-file", directory / "ca.pem"
        )
        assert code == 0, err
        assert bot.setting("CA_FILE") == str(directory / "ca.pem")
        await serves(bot, you)


async def test_a_service_says_what_it_waits_for(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    you = await a_person(homeserver, root, f"you-{directory.name}")
    now: dict[str, bytes] = {}

    def answers(asked: str) -> bytes | None:
        return next((now[path] for path in now if asked.startswith(path)), None)

    async with front(answers, to=homeserver.port) as port:
        bot = Bot(homeserver, directory, via=f"http://127.0.0.1:{port}")
        await bot.set_up(you.user_id)
        now["/"] = page(502, HTML)
        await bot.start(ready=False)
        await bot.wait_log("Synapse behind it does not (HTTP 502). Start Synapse")
        now["/"] = page(403, HTML)
        await bot.wait_log("lets nobody through to Matrix (HTTP 403)")
        del now["/"]
        await bot.wait_log("\nready ")
        assert await bot.stop() == 0

        now["/_synapse"] = page(403, HTML)
        await bot.start(ready=False)
        await bot.wait_log("keeps /_synapse/admin back (HTTP 403)")
        now["/_synapse"] = as_json({"server_version": "1.98.0"})
        assert bot.process
        assert await bot.process.wait() == 1
        assert "That is Synapse 1.98.0, and adminbot needs 1.110" in bot.log.splitlines()[-1]
        assert HINT not in bot.log
