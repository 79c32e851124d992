"""The faults: each provokes one thing, says which check has to tell, and mends it again."""

import fcntl
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from adminbot.crypto.crosssigning import Identity
from adminbot.doctor.finding import Level
from adminbot.homeserver.client_api import password_auth
from adminbot.store import Entry, Kind
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password, new_store_key
from tests.doctor.patient import Patient
from tests.front import authority, front, page

V3 = "/_matrix/client/v3"
ADMIN = "/_synapse/admin"
Changed = dict[str, Any]
Provoked = AbstractAsyncContextManager[Changed]


@dataclass(frozen=True)
class Fault:
    """`provoke`: while its block lasts the fault is there; gives the settings that differ.

    `says`: a part of what the check then says, or of its remedy.
    """

    check: str
    what: str
    level: Level
    says: str
    provoke: Callable[[Patient], Provoked]


FAULTS: list[Fault] = []


def fault(check: str, what: str, level: Level, says: str) -> Callable[[Any], Any]:
    def add(provoke: Callable[[Patient], AsyncIterator[Changed]]) -> Any:
        FAULTS.append(Fault(check, what, level, says, asynccontextmanager(provoke)))
        return provoke

    return add


E, W = Level.ERROR, Level.WARNING


# -- this machine


@fault("settings", "two are wrong and one is none", E, "ADMINBOT_CARD_TTL must be")
async def wrong_settings(it: Patient) -> AsyncIterator[Changed]:
    kept = it.bot.env_file.read_text()
    wrong = "ADMINBOT_CARD_TTL=soon\nADMINBOT_TRUST=everybody\nADMINBOT_COLOUR=red\n"
    it.bot.env_file.write_text(kept + wrong)
    yield {}
    it.bot.env_file.write_text(kept)


@fault("settings", "others can read the env file", W, "`chmod 600 ")
async def open_env_file(it: Patient) -> AsyncIterator[Changed]:
    it.bot.env_file.chmod(0o644)
    yield {}
    it.bot.env_file.chmod(0o600)


@fault("app profiles", "a profile that is no TOML", E, "broken.toml")
async def broken_profile(it: Patient) -> AsyncIterator[Changed]:
    apps = it.bot.directory / "apps"
    apps.mkdir()
    (apps / "broken.toml").write_text("= no TOML")
    yield {"apps_dir": apps}
    shutil.rmtree(apps)


@fault("data directory", "others can look in", W, "chmod 700")
async def open_directory(it: Patient) -> AsyncIterator[Changed]:
    it.bot.data_dir.chmod(0o755)
    yield {}
    it.bot.data_dir.chmod(0o700)


@fault("state", "another process has it", E, "Another adminbot already runs")
async def locked(it: Patient) -> AsyncIterator[Changed]:
    with (it.bot.data_dir / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield {}


@fault("state", "another store key", E, "sealed with another ADMINBOT_STORE_KEY")
async def another_key(it: Patient) -> AsyncIterator[Changed]:
    yield {"store_key": new_store_key()}


@asynccontextmanager
async def another_database(it: Patient, content: Callable[[Path], object]) -> Any:
    path = it.bot.data_dir / "adminbot.db"
    kept = path.with_name("kept")
    path.rename(kept)
    content(path)
    yield
    for left in it.bot.data_dir.glob("adminbot.db*"):
        left.unlink()
    kept.rename(path)


@fault("state", "a file that is no database", E, "damaged, or no database")
async def damaged(it: Patient) -> AsyncIterator[Changed]:
    async with another_database(it, lambda path: path.write_bytes(b"no database" * 1000)):
        yield {}


@fault("state", "a newer adminbot wrote it", E, "written by a newer adminbot")
async def newer(it: Patient) -> AsyncIterator[Changed]:
    def write(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA user_version = 999")

    async with another_database(it, write):
        yield {}


@fault("service", "it does not run", W, "`adminbot run`")
async def stopped(it: Patient) -> AsyncIterator[Changed]:
    yield {}


# -- the homeserver


@fault("homeserver", "nothing listens there", E, "connection refused")
async def nobody(it: Patient) -> AsyncIterator[Changed]:
    yield {"homeserver": "http://127.0.0.1:9"}


@fault("homeserver", "no machine of that name", E, "Nobody here knows a machine")
async def no_name(it: Patient) -> AsyncIterator[Changed]:
    yield {"homeserver": "http://no-such-machine.invalid"}


@asynccontextmanager
async def behind(it: Patient, **answers: bytes) -> Any:
    """A proxy that answers these paths (their last word) by itself; gives its URL."""

    def canned(path: str) -> bytes | None:
        return answers.get(path.partition("?")[0].rpartition("/")[2])

    async with front(canned, to=it.homeserver.port) as port:
        yield f"http://127.0.0.1:{port}"


@fault("homeserver", "a proxy without a Synapse behind it", E, "HTTP 502")
async def bad_gateway(it: Patient) -> AsyncIterator[Changed]:
    async with behind(it, versions=page(502)) as url:
        yield {"homeserver": url}


@asynccontextmanager
async def in_https(it: Patient, name: str, days: int) -> Any:
    """https by an own authority; gives the URL and the authority's certificate."""
    where = it.bot.directory / f"tls-{days}-{len(name)}"
    where.mkdir()
    tls = authority(where, name=name, days=days)
    async with front(to=it.homeserver.port, tls=tls) as port:
        yield f"https://127.0.0.1:{port}", where / "ca.pem"
    shutil.rmtree(where)


@fault("homeserver", "a certificate of an authority unknown here", E, "--ca-file")
async def unknown_authority(it: Patient) -> AsyncIterator[Changed]:
    async with in_https(it, "IP:127.0.0.1", 90) as (url, _):
        yield {"homeserver": url}


@fault("homeserver", "a certificate for another name", E, "made out to another name")
async def other_name(it: Patient) -> AsyncIterator[Changed]:
    async with in_https(it, "DNS:other.test", 90) as (url, ca_file):
        yield {"homeserver": url, "ca_file": ca_file}


@fault("certificate", "it ends in two days", W, "Renew it.")
async def short_certificate(it: Patient) -> AsyncIterator[Changed]:
    async with in_https(it, "IP:127.0.0.1", 2) as (url, ca_file):
        yield {"homeserver": url, "ca_file": ca_file}


def _versions_at(moment: datetime) -> bytes:
    return page(200, '{"versions": ["v1.1"]}', Date=format_datetime(moment, usegmt=True))


@fault("clock", "the homeserver's is a minute ahead", W, "1 min")
async def skewed(it: Patient) -> AsyncIterator[Changed]:
    ahead = _versions_at(datetime.now(UTC) + timedelta(minutes=1, seconds=2))
    async with behind(it, versions=ahead) as url:
        yield {"homeserver": url}


@fault("clock", "the homeserver's is an hour behind", E, "NTP")
async def much_skewed(it: Patient) -> AsyncIterator[Changed]:
    late = _versions_at(datetime.now(UTC) - timedelta(hours=1))
    async with behind(it, versions=late) as url:
        yield {"homeserver": url}


@fault("admin API", "a proxy keeps it back", E, "keeps /_synapse/admin back (HTTP 403)")
async def hidden(it: Patient) -> AsyncIterator[Changed]:
    async with behind(it, server_version=page(403)) as url:
        yield {"homeserver": url}


@fault("admin API", "Synapse 1.109", E, "needs 1.110 or newer")
async def too_old(it: Patient) -> AsyncIterator[Changed]:
    async with behind(it, server_version=page(200, '{"server_version": "1.109.0"}')) as url:
        yield {"homeserver": url}


@fault("accounts", "MAS keeps them", E, "Matrix Authentication Service")
async def mas(it: Patient) -> AsyncIterator[Changed]:
    async with behind(it, auth_metadata=page(200, '{"issuer": "https://mas.test/"}')) as url:
        yield {"homeserver": url}


@fault("address on cards", "nothing answers at ADMINBOT_PUBLIC_URL", W, "cannot be used from here")
async def dead_public_url(it: Patient) -> AsyncIterator[Changed]:
    yield {"public_url": "http://127.0.0.1:9"}


@fault("address on cards", "only an internal one is known", W, "Set ADMINBOT_PUBLIC_URL")
async def internal_url(it: Patient) -> AsyncIterator[Changed]:
    async with behind(it, client=page(404)) as url:
        yield {"homeserver": url}


@fault("password login", "password_config: enabled: false", E, "switched off")
async def no_passwords(it: Patient) -> AsyncIterator[Changed]:
    config = it.homeserver.directory / "homeserver.yaml"
    kept = config.read_text()
    config.write_text(kept + "\npassword_config: {enabled: false}\n")
    it.homeserver.stop()
    it.homeserver.start()
    yield {}
    config.write_text(kept)
    it.homeserver.stop()
    it.homeserver.start()


@fault("password login", "five logins within a minute", W, "0 of 5 logins are left")
async def no_logins(it: Patient) -> AsyncIterator[Changed]:
    async with it.state() as store:
        for _ in range(5):
            await store.audit.add(Entry(Kind.CHANGE, str(it.settings.admins[0]), "rotate"))
    yield {}


@fault("shared secret", "a wrong one is kept", E, "is not the homeserver's")
async def wrong_secret(it: Patient) -> AsyncIterator[Changed]:
    yield {"shared_secret": Secret("wrong")}


# -- our own account


@fault("session", "a token that never was", E, "`adminbot login`")
async def dead_token(it: Patient) -> AsyncIterator[Changed]:
    yield {"access_token": Secret("syt_bm9ib2R5_aaaaaaaaaaaaaaaaaaaa_0B9F5s")}


@fault("session", "the token of another account", E, "belongs to another user id")
async def foreign_token(it: Patient) -> AsyncIterator[Changed]:
    yield {"access_token": Secret(it.root.access_token)}


def _account(it: Patient) -> str:
    return f"{ADMIN}/v2/users/{it.settings.user_id}"


@fault("server admin", "somebody took the flag away", E, "no server admin any more")
async def no_admin(it: Patient) -> AsyncIterator[Changed]:
    await it.asks("PUT", _account(it), {"admin": False})
    yield {}
    await it.asks("PUT", _account(it), {"admin": True})


@fault("rate limit", "the override is gone", W, "slows down answers")
async def limited(it: Patient) -> AsyncIterator[Changed]:
    path = f"{ADMIN}/v1/users/{it.settings.user_id}/override_ratelimit"
    await it.asks("DELETE", path)
    yield {}
    await it.asks("POST", path, {"messages_per_second": 0, "burst_count": 0})


@fault("encryption keys", "the encryption store is lost", W, "takes a new device")
async def no_crypto(it: Patient) -> AsyncIterator[Changed]:
    crypto = it.bot.data_dir / "crypto"
    crypto.rename(crypto.with_name("elsewhere"))
    yield {}
    crypto.with_name("elsewhere").rename(crypto)


@fault("one-time keys", "all were claimed", W, "0 on the homeserver")
async def claimed(it: Patient) -> AsyncIterator[Changed]:
    device = {it.settings.device_id: "signed_curve25519"}
    for _ in range(50):
        wanted = {"one_time_keys": {str(it.settings.user_id): device}}
        await it.asks("POST", f"{V3}/keys/claim", wanted)
    yield {}


# -- people


@fault("admins", "a name that nobody has", W, "is left out")
async def absent_admin(it: Patient) -> AsyncIterator[Changed]:
    yield {"admins": (*it.settings.admins, UserId.parse("@nobody:example.test"))}


@fault("identities", "an admin without cross-signing", W, "set up recovery")
async def no_identity(it: Patient) -> AsyncIterator[Changed]:
    yield {"admins": (*it.settings.admins, UserId.parse(it.root.user_id))}


@fault("identities", "an admin shows another identity", E, "`adminbot trust @you-")
async def changed_identity(it: Patient) -> AsyncIterator[Changed]:
    [admin] = it.settings.admins
    async with it.state() as store:
        pin = await store.pins.find(str(admin))
        assert pin
        await store.pins.pin(admin, "another")
    yield {}
    async with it.state() as store:
        await store.pins.pin(admin, pin.master_key)


def _room(it: Patient) -> str:
    return f"{V3}/rooms/{it.settings.room_id}"


@fault("admin room", "a stranger is invited", W, "is no admin")
async def stranger(it: Patient) -> AsyncIterator[Changed]:
    await it.asks("POST", f"{_room(it)}/invite", {"user_id": it.root.user_id}, own=True)
    yield {}
    await it.asks("POST", f"{_room(it)}/kick", {"user_id": it.root.user_id}, own=True)


@fault("admin room", "an admin is not in it", W, "`adminbot room`")
async def missing_admin(it: Patient) -> AsyncIterator[Changed]:
    yield {"admins": (*it.settings.admins, UserId.parse(it.root.user_id))}


@fault("admin room", "its history is open to everybody", E, "its history is open")
async def open_history(it: Patient) -> AsyncIterator[Changed]:
    path = f"{_room(it)}/state/m.room.history_visibility"
    await it.asks("PUT", path, {"history_visibility": "world_readable"}, own=True)
    yield {}
    await it.asks("PUT", path, {"history_visibility": "shared"}, own=True)


# -- its work


@asynccontextmanager
async def row(it: Patient, put: str, take: str, *values: object) -> Any:
    """A row in the state, while the block lasts."""
    async with it.state() as store, store._db.transaction():
        await store._db.execute(put, *values)
    yield {}
    async with it.state() as store, store._db.transaction():
        await store._db.execute(take)


@fault("awaited devices", "a program that never started", W, "sleepy: for more than a day")
async def overdue(it: Patient) -> AsyncIterator[Changed]:
    long_ago = (now() - timedelta(days=2)).isoformat()
    bot = (
        "INSERT INTO bot (user_id, display_name, device_id, has_password, made_by, made_at, "
        "token_at) VALUES ('@sleepy:example.test', 'Sleepy', 'D', 0, '@you:example.test', ?1, ?1)"
    )
    awaited = "INSERT INTO awaited VALUES ('@sleepy:example.test', 'D', '@you:example.test', ?)"
    async with (
        row(it, bot, "DELETE FROM bot", long_ago),
        row(it, awaited, "DELETE FROM awaited", long_ago),
    ):
        yield {}


_ACT = "INSERT INTO act (event_id, who, command, target, began_at) VALUES "


@fault("acts", "a rotation hangs", W, "has gone on for")
async def hanging(it: Patient) -> AsyncIterator[Changed]:
    values = "('$e', '@you:example.test', 'rotate', '@nano:example.test', ?)"
    ago = (now() - timedelta(minutes=20)).isoformat()
    async with row(it, _ACT + values, "DELETE FROM act WHERE event_id = '$e'", ago):
        yield {}


@fault("acts", "a command failed", W, "newbot @nano:example.test (HomeserverError)")
async def failed(it: Patient) -> AsyncIterator[Changed]:
    async with it.state() as store:
        who, target = str(it.settings.admins[0]), "@nano:example.test"
        await store.audit.add(Entry(Kind.CHANGE, who, "newbot", target, "HomeserverError"))
    yield {}


@fault("cards", "a card without a way", W, "not sent yet: 1, for @you:example.test")
async def unsent(it: Patient) -> AsyncIterator[Changed]:
    async with it.state() as store, store._db.transaction():
        await store.cards.add(None, UserId.parse("@you:example.test"), "content")
    yield {}
    async with it.state() as store, store._db.transaction():
        await store._db.execute("DELETE FROM card")


# -- what is not mended again: the last ones


@fault("cross-signing", "somebody replaced our identity", E, "somebody replaced it")
async def replaced(it: Patient) -> AsyncIterator[Changed]:
    own = it.settings.user_id
    password = new_password()
    change = {"password": password.reveal(), "logout_devices": False}
    await it.asks("PUT", _account(it), change)
    other = Identity.from_seeds(Identity.new_seeds()).upload_body(str(own))
    proof = {"auth": password_auth(own, password)}
    await it.asks("POST", f"{V3}/keys/device_signing/upload", other | proof, own=True)
    yield {}


@fault("admin room", "the bot was taken out of it", E, "`adminbot room --new`")
async def gone(it: Patient) -> AsyncIterator[Changed]:
    await it.asks("POST", f"{_room(it)}/leave", {}, own=True)
    yield {}
