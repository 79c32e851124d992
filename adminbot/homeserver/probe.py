"""Can the homeserver at this URL be used? If not: what is wrong, and what mends it.

No request has a token, so that the answer is known before somebody types a secret. Each wrong
set-up has its own sentence here, and its line in docs/troubleshooting.md. Of an answer's content,
only a base URL is repeated.
"""

import asyncio
import re
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from adminbot.errors import MasNotSupported, SetupError, WrongServer
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.values.ids import parse_url
from adminbot.values.text import safe_to_quote

OLDEST = (1, 110)
NEWEST = (1, 163)  # that was tried: the demo's and the tests'
_VERSIONS = "/_matrix/client/versions"
_ADMIN = "/_synapse/admin/v1/server_version"
_MAS = "/_matrix/client/v1/auth_metadata"  # MSC2965
_WELL_KNOWN = "/.well-known/matrix/client"
_PAUSE_S = 1
_BEHIND_PROXY = (502, 503, 504)
_OWN_ADDRESS = "Use Synapse's own address, such as http://localhost:8008, or let the proxy pass "
# OpenSSL's X509_V_ERR_*: not yet valid, expired; made for another host name, another address.
_OUT_OF_TIME, _OTHER_NAME = (9, 10), (62, 64)


async def find_server(
    url: str, ca_file: Path | None = None, *, patience: timedelta = timedelta()
) -> str:
    """Synapse's version at this base URL; what may pass by itself is waited for up to `patience`.

    Raises: as `check_server`.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience.total_seconds()
    async with open_http(url, ca_file=ca_file) as http:
        while True:
            try:
                return await check_server(http, url)
            except WrongServer as exc:
                if not exc.may_pass or loop.time() + _PAUSE_S > give_up:
                    raise
                await asyncio.sleep(_PAUSE_S)


async def check_server(http: HttpClient, url: str) -> str:
    """Synapse's version, after a look at everything that adminbot needs of the server.

    Raises:
        WrongServer: something answers that cannot be used, or nothing does.
        SetupError: Synapse is too old, or (MasNotSupported) MAS keeps the accounts.
    """
    await check_matrix(http, url)
    version = await check_admin_api(http, url)
    await check_own_accounts(http)
    return version


async def check_own_accounts(http: HttpClient) -> None:
    """Raises MasNotSupported where accounts are kept by MAS and not by the homeserver itself."""
    if isinstance(((await http.look(_MAS)).body or {}).get("issuer"), str):
        raise MasNotSupported


async def check_matrix(http: HttpClient, url: str) -> None:
    """Raises WrongServer unless the client-server API answers."""
    seen = await http.look(_VERSIONS)
    where = urlsplit(url)
    if seen.status == 0:
        raise _no_answer(seen.failure, where)
    if seen.status == 200 and isinstance((seen.body or {}).get("versions"), list):
        return
    if (
        "sent to https port" in seen.page.lower()
        or "http request to an https" in seen.page.lower()
    ):
        raise WrongServer(
            f"{_place(where)} speaks https, and was asked in http.",
            f"Use https://{where.netloc}{where.path}",
        )
    if 300 <= seen.status < 400:
        raise _redirected(seen.location, where)
    if seen.status in _BEHIND_PROXY:
        raise WrongServer(
            f"A proxy answers at {url}, and Synapse behind it does not (HTTP {seen.status}).",
            "Start Synapse, or mend where the proxy passes it on to.",
            may_pass=True,
        )
    if seen.status in (401, 403, 407):
        raise WrongServer(
            f"A proxy at {url} lets nobody through to Matrix (HTTP {seen.status}).",
            f"{_OWN_ADDRESS}/_matrix and /_synapse/admin.",
        )
    if seen.status in (429, 500):
        raise WrongServer(
            f"The server at {url} cannot answer now (HTTP {seen.status}).",
            "Look into its log, and try again.",
            may_pass=True,
        )
    raise await _no_matrix(http, where, url)


def _no_answer(failure: BaseException | None, where: SplitResult) -> WrongServer:
    place = _place(where)
    match failure:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OUT_OF_TIME:
            return WrongServer(
                f"The certificate of {place} has expired, or is not valid yet.",
                "Renew it, or set this machine's clock.",
                may_pass=True,
            )
        case ssl.SSLCertVerificationError(verify_code=code) if code in _OTHER_NAME:
            return WrongServer(
                f"The certificate of {place} is made out to another name.",
                "Use the name that is in the certificate, or get one for this name.",
            )
        case ssl.SSLCertVerificationError():
            return WrongServer(
                f"The certificate of {place} comes from an authority that is not trusted here.",
                "If that is your own: `adminbot setup --ca-file FILE`, or ADMINBOT_CA_FILE, with "
                "its certificate (PEM).",
            )
        case ssl.SSLError():
            return WrongServer(
                f"{place} does not speak https.",
                f"Use http://{where.netloc}{where.path}, or the port that speaks https.",
            )
        case socket.gaierror():
            return WrongServer(
                f"Nobody here knows a machine called {where.hostname} (DNS).",
                "Check the URL. In a container it is Synapse's name in the shared network.",
                may_pass=True,
            )
        case ConnectionRefusedError():
            return WrongServer(
                f"Nothing listens at {place} (connection refused).",
                "Is Synapse up, and is that its port? From a container `localhost` is the "
                "container itself: use Synapse's name in the shared network.",
                may_pass=True,
            )
        case TimeoutError():
            return WrongServer(
                f"{place} does not answer in time.",
                "Check the address, and the firewalls on the way.",
                may_pass=True,
            )
    hint = "Is it the port of a homeserver?"
    if where.scheme == "http":
        hint += f" If it speaks https: https://{where.netloc}{where.path}"
    return WrongServer(f"{place} hangs up without an answer.", hint, may_pass=True)


def _redirected(location: str, where: SplitResult) -> WrongServer:
    try:
        target = urlsplit(location)
        port = target.port
    except ValueError:
        target, port = urlsplit(""), None
    if where.scheme == "http" and target.scheme == "https" and target.hostname == where.hostname:
        return WrongServer(
            f"{where.geturl()} sends everybody on to https.",
            f"Use https://{where.hostname}{f':{port}' if port else ''}{where.path}",
        )
    return WrongServer(
        f"{where.geturl()} sends everybody on to another address.",
        "Use the address where it ends, or Synapse's own, such as http://localhost:8008.",
    )


async def _no_matrix(http: HttpClient, where: SplitResult, url: str) -> WrongServer:
    if "/_matrix" in where.path or "/_synapse" in where.path:
        base = url[: url.index("/_")]
        return WrongServer("The base URL ends before /_matrix and /_synapse.", f"Use {base}")
    told = _base_url((await http.look(_WELL_KNOWN)).body or {})
    if told and told != url:
        hint = f"It says itself where its homeserver is: use {told}"
    elif where.path:
        hint = f"Check the path, or use {where.scheme}://{where.netloc}"
    else:
        hint = f"If Synapse is below a path there, give that, too: {url}/PATH"
    return WrongServer(f"A web server answers at {url}, and it is no Matrix homeserver.", hint)


def _base_url(well_known: dict[str, object]) -> str | None:
    homeserver = well_known.get("m.homeserver")
    told = homeserver.get("base_url") if isinstance(homeserver, dict) else None
    try:
        return parse_url(told) if isinstance(told, str) and told.isascii() else None
    except ValueError:
        return None


async def check_admin_api(http: HttpClient, url: str) -> str:
    """Returns Synapse's version. Raises WrongServer: out of reach; SetupError: too old."""
    seen = await http.look(_ADMIN)
    version = (seen.body or {}).get("server_version")
    if seen.status == 200 and isinstance(version, str):
        return _new_enough(version)
    if seen.status in (0, 429, 500, *_BEHIND_PROXY):
        raise WrongServer(
            f"The homeserver at {url} answers, and its admin API does not"
            + (f" (HTTP {seen.status})." if seen.status else "."),
            f"{_OWN_ADDRESS}/_synapse/admin on to Synapse.",
            may_pass=True,
        )
    if seen.body is not None and seen.body.get("errcode") == "M_UNRECOGNIZED":
        raise WrongServer(
            f"The homeserver at {url} has no /_synapse/admin: it is no Synapse, or only a worker "
            "of one.",
            "adminbot needs Synapse; give the address of its main process.",
        )
    raise WrongServer(
        f"A proxy at {url} keeps /_synapse/admin back (HTTP {seen.status}).",
        f"{_OWN_ADDRESS}/_synapse/admin for this machine.",
    )


def is_newer_than_tried(version: str) -> bool:
    found = _numbers(version)
    return found is not None and found > NEWEST


def _numbers(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else None


def _new_enough(version: str) -> str:
    found = _numbers(version)
    shown = safe_to_quote(version.partition(" ")[0], 40) or "unknown"
    if found and found < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise SetupError(
            f"That is Synapse {shown}, and adminbot needs {oldest} or newer.",
            "Upgrade Synapse first. Nothing was made.",
        )
    return shown


def _place(where: SplitResult) -> str:
    port = where.port or (443 if where.scheme == "https" else 80)
    return f"{where.hostname}:{port}"
