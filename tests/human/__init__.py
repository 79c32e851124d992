"""The tests' human: Element's own client library, driven from Python.

A human is a `node human.mjs` process: matrix-js-sdk with its Rust crypto, the code behind Element
Web. It shares nothing with the bot, so what a human can read, a person with Element can read.
"""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import json
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

__all__ = [
    "DeviceTrust",
    "Human",
    "HumanError",
    "Seen",
    "UserTrust",
    "Verification",
    "ensure_installed",
]

HERE = Path(__file__).parent
MEGOLM = "m.megolm.v1.aes-sha2"
PHASES = ["unsent", "requested", "ready", "started", "done"]
T = TypeVar("T")


def _masked(text: str) -> str:
    """Cut every Synapse access token after its prefix: test output ends up in logs."""
    return re.sub(r"syt_[\w-]+", "syt_…", text)


class HumanError(Exception):
    """The server or the client library refused what the human tried; one line."""

    def __init__(self, text: str, errcode: str | None = None, status: int | None = None) -> None:
        super().__init__(_masked(f"{errcode}: {text}" if errcode else text))
        self.errcode = errcode
        self.status = status


@dataclass(kw_only=True, repr=False)
class Seen:
    """One event of a room as it stands now: later decryption, edits, redaction and trust show."""

    event_id: str
    room_id: str
    sender: str
    type: str
    """The clear type; `m.room.encrypted` for as long as the human cannot read the event."""
    state_key: str | None
    content: dict[str, Any]
    """The clear content as first sent; empty if not readable or redacted."""
    new_content: dict[str, Any] | None
    """What the newest valid edit replaced the content with."""
    relates_to: dict[str, Any] | None
    encrypted: bool
    readable: bool
    failure: str | None
    """The SDK's code for why it could not be decrypted."""
    shield: str
    """What Element draws beside the message: none, grey or red."""
    shield_reason: str | None
    redacted: bool
    ts: int
    """The server's milliseconds."""
    seen_at: float = 0.0
    """time.monotonic() when it arrived ..."""
    decrypted_at: float | None = None
    """... and when the human could first read it."""

    @property
    def msgtype(self) -> str | None:
        return self.content.get("msgtype")

    @property
    def body(self) -> str | None:
        return self.content.get("body")

    @property
    def edited_body(self) -> str | None:
        return (self.new_content or {}).get("body")

    def __repr__(self) -> str:
        what = self.failure or self.edited_body or self.body or self.content
        marks = [self.shield] * self.encrypted + ["redacted"] * self.redacted
        return _masked(f"<{self.sender} {self.type} {' '.join(marks)} {str(what)[:300]!r}>")


@dataclass(frozen=True)
class DeviceTrust:
    """What the human's client thinks of somebody's device."""

    signed_by_owner: bool
    cross_signing_verified: bool
    locally_verified: bool
    verified: bool


@dataclass(frozen=True)
class UserTrust:
    """What the human's client thinks of somebody's cross-signing identity."""

    known: bool
    verified: bool
    was_verified: bool
    needs_approval: bool


@dataclass(kw_only=True, repr=False)
class Verification:
    """One verification by emoji in a room, as the human's client has it now."""

    human: Human
    id: str
    """The event id of the request."""
    room_id: str
    user_id: str
    """The other one."""
    mine: bool
    """Whether the human asked for it."""
    phase: str
    """One of PHASES, or cancelled."""
    emoji: list[tuple[str, str]] | None
    """Symbol and name of each, once they are shown."""
    cancel_code: str | None
    cancelled_by: str | None

    async def accept(self) -> None:
        """Be ready for what somebody else asked."""
        await self._step("accept")

    async def start(self) -> None:
        """Begin with the emoji; either side may, once both are ready."""
        await self._step("start")

    async def wait_emoji(self, timeout: float = 20) -> list[tuple[str, str]]:
        """Wait until there is something to compare."""
        return await self._wait(lambda: self.emoji, timeout, "emoji")

    async def confirm(self) -> None:
        """They match. It is done when the other side says so too."""
        await self._step("confirm")

    async def mismatch(self) -> None:
        """They do not match."""
        await self._step("mismatch")

    async def cancel(self) -> None:
        await self._step("cancel")

    async def wait_phase(self, phase: str, timeout: float = 20) -> None:
        """Wait until it is this far, or further: a quick other side leaves a phase at once."""
        ends = ["cancelled"] if phase == "cancelled" else PHASES[PHASES.index(phase) :]
        await self._wait(lambda: self.phase in ends, timeout, repr(phase))

    async def _step(self, step: str) -> None:
        await self.human._ask("verification", verification=self.id, step=step)

    async def _wait(self, found: Callable[[], T | None], timeout: float, what: str) -> T:
        def look(_: Human) -> T | None:
            if not (result := found()) and self.phase in ("cancelled", "done"):
                raise AssertionError(f"no {what} any more: {self!r}")
            return result

        return await self.human.wait_for(look, timeout, f"{what} of {self!r}")

    def __repr__(self) -> str:
        cancelled = f" {self.cancel_code} by {self.cancelled_by}" if self.cancel_code else ""
        return f"<verification {self.id} with {self.user_id}: {self.phase}{cancelled}>"


def ensure_installed() -> None:
    """Install the locked npm packages unless they are there: no test skips for lack of them."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise RuntimeError(f"the tests' human needs {tool} (Node 20 or newer) in PATH")
    lock, installed = HERE / "package-lock.json", HERE / "node_modules/.package-lock.json"
    with lock.open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # test runs side by side install once
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        npm = ["npm", "ci", "--silent", "--ignore-scripts"]
        done = subprocess.run(npm, cwd=HERE, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"npm ci failed in {HERE}: {(done.stderr or done.stdout).strip()}")


class Human:
    """A person with an up-to-date client. Open one with `async with Human.open(...)`."""

    user_id: str
    device_id: str
    access_token: str
    recovery_key: str | None

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._gone: HumanError | None = None
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rooms: dict[str, dict[str, Seen]] = {}
        self._members: dict[str, dict[str, tuple[str, str]]] = {}
        self._verifications: dict[str, Verification] = {}
        self._met: set[str] = set()
        self._complaints: deque[str] = deque(maxlen=5)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        homeserver: str,
        user_id: str,
        *,
        password: str | None = None,
        access_token: str | None = None,
        device_id: str | None = None,
        strict: bool = True,
        bootstrap: bool = True,
        recovery: bool = False,
        recovery_key: str | None = None,
    ) -> AsyncIterator[Self]:
        """Log in (by password, or with the token of a device that has no keys yet) and sync.

        `strict` shuns devices their owner has not signed, both ways (MSC4153). `bootstrap` signs
        the human's own device: with a new identity, or the one behind `recovery_key`. `recovery`
        makes such a key for the next device. The keys live and die with this object.
        """
        await asyncio.to_thread(ensure_installed)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            "node", "human.mjs", cwd=HERE, stdin=pipe, stdout=pipe, stderr=pipe, limit=2**26
        )
        human = cls(process)
        reader = asyncio.create_task(human._read())
        try:
            account = await human._ask(
                "start", homeserver=homeserver, user_id=user_id, password=password,
                access_token=access_token, device_id=device_id, strict=strict,
                bootstrap=bootstrap, recovery=recovery, recovery_key=recovery_key,
            )  # fmt: skip
            for name, value in account.items():
                setattr(human, name, value)
            yield human
        finally:
            with suppress(HumanError):
                await human._ask("stop", patience=3)
            with suppress(ProcessLookupError):
                process.terminate()
            await reader

    # -- rooms --

    def invites(self) -> dict[str, str]:
        """The rooms the human is invited to, and by whom."""
        mine = {room: members.get(self.user_id) for room, members in self._members.items()}
        return {room: me[1] for room, me in mine.items() if me and me[0] == "invite"}

    async def wait_invite(self, *, from_: str | None = None, timeout: float = 20) -> str:
        """Wait for an invitation; returns the room."""

        def invited(human: Human) -> str | None:
            rooms = [r for r, by in human.invites().items() if from_ in (None, by)]
            return rooms[0] if rooms else None

        return await self.wait_for(invited, timeout, f"an invitation from {from_ or 'anyone'}")

    def membership(self, room_id: str, user_id: str) -> str | None:
        """join, invite, leave, ban or knock, as the human's client has it."""
        return self._members.get(room_id, {}).get(user_id, (None,))[0]

    async def wait_membership(
        self, room_id: str, user_id: str, membership: str, *, timeout: float = 20
    ) -> None:
        """Wait until somebody has joined, left, ..."""
        await self.wait_for(
            lambda human: human.membership(room_id, user_id) == membership,
            timeout,
            f"{user_id} to be at {membership!r} in {room_id}",
        )

    async def create_room(
        self,
        *,
        invite: Collection[str] = (),
        encrypted: bool = True,
        is_direct: bool = False,
        **options: Any,
    ) -> str:
        """Open a private room as Element does; `options` go into the createRoom request."""
        preset = "trusted_private_chat" if is_direct else "private_chat"
        body = {"preset": preset, "is_direct": is_direct, "invite": list(invite), **options}
        if encrypted:
            algorithm = {"type": "m.room.encryption", "content": {"algorithm": MEGOLM}}
            body["initial_state"] = [algorithm, *options.get("initial_state", [])]
        room_id: str = await self._ask("create", options=body, encrypted=encrypted)
        return room_id

    async def join(self, room_id: str) -> None:
        await self._ask("join", room_id=room_id)

    async def leave(self, room_id: str) -> None:
        await self._change(room_id, "leave", self.user_id, "leave")

    async def invite(self, room_id: str, user_id: str) -> None:
        await self._change(room_id, "invite", user_id, "invite", user_id=user_id)

    async def kick(self, room_id: str, user_id: str) -> None:
        await self._change(room_id, "kick", user_id, "leave", user_id=user_id)

    async def _change(self, room_id: str, verb: str, who: str, then: str, **body: str) -> None:
        """Change a membership and wait until the client knows, as it picks who gets room keys."""
        await self.raw("POST", f"/_matrix/client/v3/rooms/{room_id}/{verb}", body)
        await self.wait_membership(room_id, who, then)

    # -- writing --

    async def send(
        self,
        room_id: str,
        body: str,
        *,
        formatted_body: str | None = None,
        msgtype: str = "m.text",
        relates_to: dict[str, Any] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> str:
        """Say something, encrypted where the room is; returns the event id."""
        content: dict[str, Any] = {"msgtype": msgtype, "body": body, **(extra or {})}
        if formatted_body is not None:
            content |= {"format": "org.matrix.custom.html", "formatted_body": formatted_body}
        if relates_to is not None:
            content["m.relates_to"] = relates_to
        return await self.send_event(room_id, "m.room.message", content)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.send_event(room_id, "m.reaction", {"m.relates_to": relation})

    async def edit(self, room_id: str, event_id: str, body: str) -> str:
        new = {"msgtype": "m.text", "body": body}
        relation = {"rel_type": "m.replace", "event_id": event_id}
        return await self.send(
            room_id, f"* {body}", relates_to=relation, extra={"m.new_content": new}
        )

    async def redact(self, room_id: str, event_id: str, reason: str | None = None) -> str:
        redaction: str = await self._ask(
            "redact", room_id=room_id, event_id=event_id, reason=reason
        )
        return redaction

    async def send_event(self, room_id: str, type_: str, content: dict[str, Any]) -> str:
        """Send any kind of event into the timeline, encrypted where the room is."""
        event_id: str = await self._ask("send", room_id=room_id, type=type_, content=content)
        return event_id

    async def retry(self, room_id: str) -> str | None:
        """Send again what did not get out; returns the event id of the last such event."""
        event_id: str | None = await self._ask("retry", room_id=room_id)
        return event_id

    async def send_state(
        self, room_id: str, type_: str, content: dict[str, Any], state_key: str = ""
    ) -> str:
        path = f"/_matrix/client/v3/rooms/{room_id}/state/{type_}/{quote(state_key)}"
        event_id: str = (await self.raw("PUT", path, content))["event_id"]
        return event_id

    async def raw(self, method: str, path: str, body: Any = None) -> Any:
        """A plain HTTP request with the human's token; an error answer raises HumanError."""
        return await self._ask("raw", method=method, path=path, body=body)

    # -- reading --

    def messages(self, room_id: str) -> list[Seen]:
        """Every event of the room's timeline, state and reactions too, in order of arrival."""
        return list(self._rooms.get(room_id, {}).values())

    def reactions(self, event_id: str) -> dict[str, set[str]]:
        """Who reacted to an event, by key; withdrawn reactions are gone."""
        found: dict[str, set[str]] = {}
        for room in self._rooms.values():
            for seen in room.values():
                relation = seen.relates_to or {}
                if seen.type == "m.reaction" and relation.get("event_id") == event_id:
                    found.setdefault(relation["key"], set()).add(seen.sender)
        return found

    async def wait_message(
        self,
        room_id: str,
        wanted: str | Callable[[Seen], Any],
        *,
        sender: str | None = None,
        after: str | int | None = None,
        timeout: float = 20,
    ) -> Seen:
        """Wait for an event of somebody else's (or `sender`'s) and return the first that fits.

        A text fits a body, or what it was edited to, that contains it. `after` passes over what
        came up to that event, or over the first so many of `messages()`.
        """

        def fits(seen: Seen) -> Any:
            if seen.sender == self.user_id if sender is None else seen.sender != sender:
                return False
            if callable(wanted):
                return wanted(seen)
            return any(wanted in (body or "") for body in (seen.body, seen.edited_body))

        def find(human: Human) -> Seen | None:
            seen = human.messages(room_id)
            if isinstance(after, str):
                ids = [s.event_id for s in seen]
                seen = seen[ids.index(after) + 1 :] if after in ids else []
            else:
                seen = seen[after or 0 :]
            return next((s for s in seen if fits(s)), None)

        what = repr(wanted) if isinstance(wanted, str) else "a message"
        try:
            return await self.wait_for(find, timeout, what)
        except AssertionError as error:
            lines = [f"  {seen!r}" for seen in self.messages(room_id)[-40:]]
            raise AssertionError("\n".join([f"{error} in {room_id}; seen:", *lines])) from None

    async def wait_for(
        self, predicate: Callable[[Human], T | None], timeout: float = 20, what: str = "it"
    ) -> T:
        """Wait until `predicate` of this human gives something true; looks at every news."""
        try:
            async with asyncio.timeout(timeout):
                while not (result := predicate(self)):
                    if self._gone:
                        raise self._gone
                    await asyncio.shield(self._news)
                return result
        except TimeoutError:
            complaints = "".join(f"; the client said: {c}" for c in self._complaints)
            text = f"{self.user_id} waited {timeout:g} s for {what} in vain{complaints}"
            raise AssertionError(_masked(text)) from None

    async def why_closed(self, event: dict[str, Any]) -> str | None:
        """Why this client's keys do not open an event that somebody else fetched, the SDK's code
        for it; None when they do. For rooms and messages that the server shows to others only.
        """
        failure: str | None = (await self._ask("open", event=event))["failure"]
        return failure

    # -- trust --

    async def reset_identity(self) -> None:
        """Replace the cross-signing identity by a new one, as after losing every device."""
        await self._ask("reset")

    async def only_verified(self, on: bool) -> None:
        """Give room keys to verified devices only, as Element's setting does."""
        await self._ask("only_verified", on=on)

    async def device_trust(self, user_id: str, device_id: str) -> DeviceTrust | None:
        """None for a device the human's client has not heard of."""
        status = await self._ask("device", user_id=user_id, device_id=device_id)
        return DeviceTrust(**status) if status else None

    async def user_trust(self, user_id: str) -> UserTrust:
        return UserTrust(**await self._ask("user", user_id=user_id))

    async def wait_verified(self, user_id: str, *, timeout: float = 20) -> None:
        """Wait until the human's client trusts somebody: that comes a little after `done`."""
        deadline = time.monotonic() + timeout
        while not (trust := await self.user_trust(user_id)).verified:
            assert time.monotonic() < deadline, f"{user_id} is not verified: {trust}"
            await asyncio.sleep(0.02)

    # -- verification --

    async def verify(self, room_id: str, user_id: str) -> Verification:
        """Ask somebody, in a direct chat, to verify each other (as Element's Verify button)."""
        id_ = await self._ask("verify", room_id=room_id, user_id=user_id)
        return self._verifications[id_]

    async def wait_verification(self, room_id: str, *, timeout: float = 20) -> Verification:
        """Wait for a verification request of somebody else's in this room; each is given once."""

        def asked(human: Human) -> Verification | None:
            known = human._verifications.values()
            fits = (v for v in known if v.room_id == room_id and not v.mine)
            return next((v for v in fits if v.id not in human._met), None)

        found = await self.wait_for(asked, timeout, f"a verification request in {room_id}")
        self._met.add(found.id)
        return found

    def pass_over_verifications(self, room_id: str) -> None:
        """What was asked for in this room so far is not given by `wait_verification`."""
        self._met |= {v.id for v in self._verifications.values() if v.room_id == room_id}

    # -- the process --

    async def _ask(self, op: str, *, patience: float = 30, **args: Any) -> Any:
        if self._gone:
            raise self._gone
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"id": number, "op": op, **args}).encode() + b"\n")
        try:
            return await asyncio.wait_for(answer, patience)
        except TimeoutError:
            raise HumanError(f"no answer to {op} in {patience:g} s") from None
        finally:
            del self._answers[number]

    async def _read(self) -> None:
        assert self._process.stdout
        assert self._process.stderr
        stderr = asyncio.create_task(self._process.stderr.read())
        async for line in self._process.stdout:
            self._take(json.loads(line), time.monotonic())
        last = [text for text in (await stderr).decode().splitlines() if "Error" in text]
        code = await self._process.wait()
        self._gone = HumanError(f"the human's node exited with {code}: {' '.join(last[:1])}")
        for answer in self._answers.values():
            answer.set_exception(self._gone)
        self._wake()

    def _take(self, line: dict[str, Any], now: float) -> None:
        match line:
            case {"id": number, **rest}:
                answer = self._answers.get(number)
                if answer is None or answer.done():  # given up on
                    return
                if "error" in rest:
                    error = HumanError(rest["error"], rest["errcode"], rest["status"])
                    answer.set_exception(error)
                else:
                    answer.set_result(rest["ok"])
            case {"news": "event", "event": event}:
                room = self._rooms.setdefault(event["room_id"], {})
                seen = room.setdefault(event["event_id"], Seen(**event, seen_at=now))
                for name, value in event.items():
                    setattr(seen, name, value)
                if seen.readable and seen.decrypted_at is None:
                    seen.decrypted_at = now
                self._wake()
            case {"news": "member", "room_id": room_id, "user_id": user_id, **rest}:
                state = (rest["membership"], rest["by"])
                self._members.setdefault(room_id, {})[user_id] = state
                self._wake()
            case {"news": "verification", "verification": state}:
                state["emoji"] = state["emoji"] and [tuple(pair) for pair in state["emoji"]]
                fresh = Verification(human=self, **state)
                verification = self._verifications.setdefault(fresh.id, fresh)
                for name, value in state.items():
                    setattr(verification, name, value)
                self._wake()
            case {"news": "complaint", "text": text}:
                self._complaints.append(text)

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        news.set_result(None)
