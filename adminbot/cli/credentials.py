"""By which right `setup` and `login` act: from flags, or asked for."""

import argparse
from pathlib import Path

from adminbot.cli import UsageFault
from adminbot.cli.asking import ask, ask_secretly, tell
from adminbot.errors import SetupError
from adminbot.setup.account import ByLogin, BySharedSecret, ByToken, Credential
from adminbot.values.secret import Secret

_WAYS = """\
How may I make my account? I use this once and do not keep it.
  1  with Synapse's registration_shared_secret (from homeserver.yaml)
  2  by logging in as a server admin
  3  with a server admin's access token"""


def gaps(args: argparse.Namespace) -> list[str]:
    """What would have to be asked for."""
    found = []
    if not (args.shared_secret_file or args.login_as or args.admin_token_file):
        found.append("one of --shared-secret-file, --login-as, --admin-token-file")
    if args.login_as and not args.password_file:
        found.append("--password-file")
    return found


def credential_of(args: argparse.Namespace) -> Credential | None:
    """What the flags say; None when something must be asked. Raises UsageFault, SetupError."""
    if args.password_file and not args.login_as:
        raise UsageFault("--password-file goes with --login-as")
    if args.shared_secret_file:
        return BySharedSecret(_read(args.shared_secret_file))
    if args.admin_token_file:
        return ByToken(_read(args.admin_token_file))
    if args.login_as and args.password_file:
        return ByLogin(args.login_as, _read(args.password_file))
    return None


def asked_credential(login_as: str | None) -> Credential:
    """The credential that a person types; whether the server takes it shows later."""
    if login_as:
        return ByLogin(login_as, ask_secretly(f"Password of {login_as}: "))
    print(_WAYS, flush=True)
    while True:
        match ask("1, 2 or 3: "):
            case "1":
                return BySharedSecret(ask_secretly("Shared secret: "))
            case "2":
                return ByLogin(_name(), ask_secretly("Password: "))
            case "3":
                return ByToken(ask_secretly("Access token: "))
        tell("Answer 1, 2 or 3.")


def _name() -> str:
    while not (name := ask("Server admin's name: ")):
        tell("Nothing was typed.")
    return name


def _read(path: Path) -> Secret:
    try:
        content = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"{path} cannot be read.", "Check the path and its mode.") from None
    if not content:
        raise SetupError(f"{path} is empty.")
    return Secret(content)
