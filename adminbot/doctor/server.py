"""The homeserver: can it be reached, is it one that adminbot can use, what does it allow?"""

import ipaddress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from adminbot.doctor.finding import Verdict, error, warning, well
from adminbot.doctor.subject import Subject
from adminbot.errors import AdminbotError, HomeserverError
from adminbot.homeserver import probe
from adminbot.homeserver.address import addresses_of, certificate_ends_at
from adminbot.homeserver.http import open_http
from adminbot.values.clock import now
from adminbot.values.ids import parse_url
from adminbot.values.text import format_duration

_RENEW_BEFORE = timedelta(days=14)
_SKEW, _MUCH_SKEW = timedelta(seconds=30), timedelta(minutes=5)
_LOGINS, _LOGIN_S = 5, 333  # Synapse's default `rc_login`: five, then one in 333 seconds


async def homeserver(it: Subject) -> Verdict:
    """The base URL answers as a Matrix server; by which address."""
    url = it.settings.homeserver
    await probe.check_matrix(it.http, url)
    where = urlsplit(url)
    addresses = await addresses_of(url)
    text = f"{url} answers ({', '.join(addresses[:2]) or 'address unknown'})"
    is_near = not any(ipaddress.ip_address(address).is_global for address in addresses)
    if where.scheme == "http" and not is_near:
        return warning(
            f"{text}, in clear: whoever is on the way can read the admin token",
            "Use https, or an address in your own network, as ADMINBOT_HOMESERVER.",
        )
    return well(text)


async def certificate(it: Subject) -> Verdict:
    url = it.settings.homeserver
    if not url.startswith("https"):
        return well("none, the homeserver is asked in http")
    ends_at = await certificate_ends_at(url, it.settings.ca_file)
    left = ends_at - datetime.now(UTC)
    text = f"valid until {ends_at:%Y-%m-%d}"
    if left < _RENEW_BEFORE:
        return warning(f"{text}, which is in {left.days} days", "Renew it.")
    return well(text)


async def version(it: Subject) -> Verdict:
    """Not older than allowed; newer than tried is said, and is no fault."""
    found = await probe.check_admin_api(it.http, it.settings.homeserver)
    newest = ".".join(map(str, probe.NEWEST))
    if probe.is_newer_than_tried(found):
        return well(f"Synapse {found}; the newest that was tried is {newest}")
    return well(f"Synapse {found}")


async def accounts(it: Subject) -> Verdict:
    await probe.check_own_accounts(it.http)
    return well("the homeserver keeps them itself, no MAS")


async def public_url(it: Subject) -> Verdict:
    """Where cards send programs to: as set, by the homeserver's well-known, or our own way."""
    url, source = it.settings.public_url, "ADMINBOT_PUBLIC_URL"
    if not url:
        url, source = await it.account.well_known_base_url(), "the homeserver's well-known"
    if not url:
        url, source = it.settings.homeserver, "ADMINBOT_HOMESERVER"
    if url != it.settings.homeserver:
        try:
            async with open_http(parse_url(url), ca_file=it.settings.ca_file) as http:
                await probe.check_matrix(http, url)
        except AdminbotError as exc:
            return warning(
                f"cards say {url} (from {source}), which cannot be used from here: {exc}",
                "If programs elsewhere reach it, all is well. If not, set ADMINBOT_PUBLIC_URL.",
            )
    elif source == "ADMINBOT_HOMESERVER" and _is_internal(url):
        return warning(
            f"cards say {url}, and programs on other machines cannot use that",
            "Set ADMINBOT_PUBLIC_URL to the address that people's apps use.",
        )
    return well(f"{url}, from {source}")


def _is_internal(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host


async def clock(it: Subject) -> Verdict:
    """This machine's clock beside the homeserver's. By it the age of commands is judged."""
    await probe.check_matrix(it.http, it.settings.homeserver)  # for the `Date` of an answer
    ours = datetime.now(UTC)
    ahead = it.http.server_time() - now()  # of the homeserver's clock, when it last answered
    skew = abs(now() + ahead - ours)
    if skew < _SKEW:
        return well("as the homeserver's")
    text = f"{format_duration(round(skew.total_seconds()))} from the homeserver's"
    remedy = "Turn on time synchronisation (NTP) on both machines."
    return error(text, remedy) if skew > _MUCH_SKEW else warning(text, remedy)


async def password_login(it: Subject) -> Verdict:
    """`!rotate` and, without the shared secret, `!newbot` log in by password."""
    if "m.login.password" not in await it.account.login_flows():
        return error(
            "switched off: `!rotate` and `!newbot` cannot get tokens",
            "In homeserver.yaml: password_config, enabled: true.",
        )
    try:
        left, wait_s = await _logins_left(it)
    except AdminbotError:
        return well("on")
    text = f"on; by Synapse's default limit {left} of {_LOGINS} logins are left now"
    if left == 0:
        return warning(
            f"{text}, the next in {format_duration(wait_s)}",
            "Wait, or raise `rc_login` in homeserver.yaml. A kept shared secret makes `!newbot` "
            "free of that limit.",
        )
    return well(text)


async def _logins_left(it: Subject) -> tuple[int, int]:
    """By what the audit says that we did; and the seconds until there is another."""
    spends = {"rotate", "login", "setup"}
    if it.settings.shared_secret is None:
        spends.add("newbot")
    present = now()
    used = 0.0
    before = present - timedelta(seconds=_LOGINS * _LOGIN_S)
    last = before
    for moment in await it.store.audit.moments_of(spends, since=before):
        used = max(0.0, used - (moment - last).total_seconds() / _LOGIN_S) + 1
        last = moment
    used = max(0.0, used - (present - last).total_seconds() / _LOGIN_S)
    left = max(0, int(_LOGINS - used))
    return left, 0 if left else round((used - _LOGINS + 1) * _LOGIN_S)


async def shared_secret(it: Subject) -> Verdict:
    secret = it.settings.shared_secret
    if secret is None:
        return well("not kept; accounts are made by the admin API and a login")
    try:
        is_right = await it.synapse.knows_shared_secret(secret, it.own)
    except HomeserverError as exc:
        return warning(f"cannot be tried: {exc}", exc.hint or "Try again later.")
    if is_right:
        return well("kept, and right")
    return error(
        "the one in ADMINBOT_REGISTRATION_SHARED_SECRET is not the homeserver's",
        "Copy `registration_shared_secret` from homeserver.yaml, or take the setting out.",
    )
