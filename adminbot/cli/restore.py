"""`adminbot restore FILE`: a backup becomes an env file and a data directory again."""

import argparse
import sys
from pathlib import Path

from adminbot.cli import UsageFault
from adminbot.cli.asking import as_started, ask_secretly, env_words, tell
from adminbot.config import Settings, sources
from adminbot.errors import SetupError, WrongKey
from adminbot.setup import backup
from adminbot.setup.backup import Backup
from adminbot.values.secret import Sealer, Secret


async def main(args: argparse.Namespace) -> None:
    """Restore the state where the env file says; without an env file, write that first."""
    if args.env_file.exists():
        found, data_dir = _beside_env_file(args)
    else:
        found, data_dir = _with_env_file(args)
    print(
        f"✅ {data_dir}: {found.message}.\n"
        "Be sure that the old one does not run any more. Then start it:\n"
        f"  {as_started('run', *env_words(args.env_file))}\n"
        "It takes a new device and stays who it was. Once it says ready, make a new backup: "
        "the login in this one is used up then.\n"
        f"  {as_started('backup', 'NEWFILE', *env_words(args.env_file))}"
    )


def _beside_env_file(args: argparse.Namespace) -> tuple[Backup, Path]:
    """The env file is there (or an earlier try wrote it): only the state is missing."""
    settings = sources.load(args.env_file)
    _complain_of_contradictions(args, settings)
    found = backup.read(args.file, settings.sealer)
    whose = found.settings["USER_ID"]
    if whose != str(settings.user_id):
        raise SetupError(
            f"{args.file} is a backup of {whose}, and {args.env_file} belongs to "
            f"{settings.user_id}.",
            "Use another --env-file.",
        )
    backup.put_back(found, settings.data_dir, env_file=args.env_file, env=None)
    return found, settings.data_dir


def _complain_of_contradictions(args: argparse.Namespace, settings: Settings) -> None:
    given = sources.store_key(args.store_key_file) if args.store_key_file else settings.store_key
    if given != settings.store_key:
        raise SetupError(
            f"{args.store_key_file} holds another key than {args.env_file}.",
            "Leave one of them out, or use another --env-file.",
        )
    if args.data_dir and args.data_dir.resolve() != settings.data_dir.resolve():
        raise SetupError(
            f"The data directory that {args.env_file} names is {settings.data_dir}.",
            "Leave --data-dir out, or use another --env-file.",
        )


def _with_env_file(args: argparse.Namespace) -> tuple[Backup, Path]:
    """Nothing is left but the backup and its key."""
    found, key = _opened(args.file, sources.store_key(args.store_key_file))
    data_dir = args.data_dir or sources.default_data_dir(found.settings.get("DATA_DIR"))
    data_dir = data_dir.resolve()
    env = backup.env_file_of(found, key, data_dir)
    backup.put_back(found, data_dir, env_file=args.env_file, env=env)
    return found, data_dir


def _opened(file: Path, given: Secret | None) -> tuple[Backup, Secret]:
    """The backup and the key that opens it; keys are asked for until one does."""
    if given is not None:
        return backup.read(file, Sealer.from_base64(given)), given
    backup.check_form(file)  # a file that is none is told before a secret is asked for
    if not sys.stdin.isatty():
        raise UsageFault(
            "there is nobody to ask for the store key; give --store-key-file or ADMINBOT_STORE_KEY"
        )
    while True:
        key = ask_secretly("ADMINBOT_STORE_KEY: ")
        try:
            return backup.read(file, Sealer.from_base64(key)), key
        except ValueError:
            tell("A store key is 32 random bytes in base64.")
        except WrongKey as exc:
            tell(str(exc))
