"""The forms of a block: each is written by the format's own writer, or escaped by its rule. Pure.

Formats of data take a table. Formats of text take a text, whose values are escaped one by one.
"""

import enum
import json
import re
import shlex
from typing import Any
from urllib.parse import quote

import tomli_w
import yaml

# Without quotes, read alike by python-dotenv, Docker, systemd, Node's dotenv and a shell.
_BARE = re.compile(r"[\w./:@%+=,!-]*|\*\*\*", re.ASCII)
# Matrix's own form of it, 12 groups of 4 in base58. It stays as it is, for readers without quotes.
_RECOVERY_KEY = re.compile(r"(?:[1-9A-HJ-NP-Za-km-z]{4} ){11}[1-9A-HJ-NP-Za-km-z]{4}")
_LIST_OF_ONE = re.compile(r"\[\n\s+([^\n\[\]{}]*|\"[^\n]*\")\n\s+\]")


class Format(enum.StrEnum):
    """A form of a block; `form` is a web page whose fields are filled in by hand."""

    JSON = "json"
    YAML = "yaml"
    TOML = "toml"
    ENV = "env"
    FORM = "form"
    URL = "url"
    SHELL = "shell"
    PYTHON = "python"

    @property
    def is_data(self) -> bool:
        return self not in (Format.URL, Format.SHELL, Format.PYTHON)

    def escape(self, value: str) -> str:
        """A value inside a text of this format; in data the writer escapes."""
        match self:
            case Format.URL:
                return quote(value, safe="*")
            case Format.SHELL:
                return shlex.quote(value)
            case Format.PYTHON:
                return repr(value)
        return value

    def write(self, filled: Any) -> str:
        """The text of a block that is filled already."""
        match self:
            case Format.JSON:
                return _json(filled)
            case Format.YAML:
                return _yaml(filled)
            case Format.TOML:
                return tomli_w.dumps(filled).rstrip("\n")
            case Format.ENV:
                return "\n".join(f"{name}={_env(_word(it))}" for name, it in filled.items())
            case Format.FORM:
                return "\n".join(f"{label}: {_on_one_line(it)}" for label, it in filled.items())
        return str(filled).strip("\n")


class _Yaml(yaml.SafeDumper):
    """Writes what readers of YAML 1.1 and of 1.2 understand in the same way, a line a text."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        # PyYAML loses U+0085 from single quotes, and breaks lines there.
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Yaml.add_representer(str, _Yaml.represent_text)
# What 1.2 takes for a number and PyYAML, which is of 1.1, does not: this has it quoted.
_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+"),
    list("-+.0123456789"),
)


def _json(filled: Any) -> str:
    text = json.dumps(filled, indent=2, ensure_ascii=False)
    # A list of one on one line. Line breaks stand only between values: inside texts they are \n.
    return _LIST_OF_ONE.sub(r"[\1]", text)


def _yaml(filled: Any) -> str:
    text: str = yaml.dump(
        filled,
        Dumper=_Yaml,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=float("inf"),
    )
    return text.rstrip("\n")


def _word(value: object) -> str:
    """A value as one word of an environment: JSON's true and false, as most programs read them."""
    return value if isinstance(value, str) else json.dumps(value)


def _env(value: str) -> str:
    """The right side of a line of an env file, for python-dotenv and whatever reads alike.

    python-dotenv expands `${NAME}` also between single quotes. It takes the text after `:-` of an
    unset name, so that a name nobody can set keeps its `$`.
    """
    if _BARE.fullmatch(value) or _RECOVERY_KEY.fullmatch(value):
        return value
    quoted = value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"'{quoted}'"


def _on_one_line(value: object) -> str:
    return " ".join(str(value).split())
