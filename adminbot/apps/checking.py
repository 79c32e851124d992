"""What is wrong with a profile: a sentence a problem, by key, and never a value. Pure.

A value is not quoted, because somebody may have put a token into a profile.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from adminbot.apps.formats import Format
from adminbot.apps.placeholders import KNOWN, PLACEHOLDER, PUBLIC, SECRETS, names_in

_TEXTS = ("title", "about", "paste_into", "first", "renewed", "fresh", "works", "gotchas")
_DATA = [str(it) for it in Format if it.is_data]


@cache
def _validator() -> Draft202012Validator:
    schema = resources.files("adminbot.apps").joinpath("schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))


def problems(raw: dict[str, Any]) -> list[str]:
    """All problems of a profile as TOML has it (dates as text); empty if there is none."""
    by_schema = sorted(map(_in_words, _validator().iter_errors(raw)))
    return by_schema or list(_by_rules(raw))


def _in_words(error: ValidationError) -> str:
    path = ".".join(str(step) for step in error.absolute_path)
    key = f"`{path}` " if path else ""
    wanted: Any = error.validator_value
    match error.validator:
        case "required":  # one error a key, and only the message says which
            missing = error.message.split("'")[1]
            return f"`{path and path + '.'}{missing}` is missing"
        case "additionalProperties":
            schema: Any = error.schema
            instance: Any = error.instance
            unknown = sorted(name for name in instance if name not in schema["properties"])
            return f"{key}has a key that I do not know: {', '.join(map(_shown_key, unknown))}"
        case "enum":
            return f"{key}must be one of: {', '.join(wanted)}"
        case "type":
            return f"{key}must be {_TYPES.get(str(wanted), 'a table or a text')}"
        case "maxLength" | "maxItems":
            return f"{key}is too long (at most {wanted})"
        case "minLength" | "minItems" | "minProperties":
            return f"{key}is empty"
        case "pattern":
            is_date = path.endswith("read")
            return f"{key}must be {'a date such as 2026-11-26' if is_date else 'on one line'}"
    return f"{key}cannot be used"


_TYPES = {
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}


def _shown_key(name: str) -> str:
    return f"`{name}`" if re.fullmatch(r"[\w-]{1,30}", name, re.ASCII) else "one with odd letters"


def _by_rules(raw: dict[str, Any]) -> Iterator[str]:
    """What no schema says: how keys go together."""
    block, form = raw["block"], Format(raw["format"])
    if isinstance(block, dict) != form.is_data:
        kind = "a table" if form.is_data else "a text"
        yield f"`block` must be {kind}, as `format` is {form}"
        return
    named = names_in(block)
    for name in sorted(named - KNOWN):
        yield f"`block` has a placeholder that I do not know: `{{{name}}}`"
    yield from _login(raw, named)
    yield from _room(raw, named)
    yield from _texts(raw)
    yield from _form(form, block)


def _login(raw: dict[str, Any], named: set[str]) -> Iterator[str]:
    takes, device = raw["takes"], raw.get("device", "ours")
    has_token, has_password = "access_token" in named, "password" in named
    if takes in ("token", "either") and not has_token:
        yield f"`block` needs `{{access_token}}`, as `takes` is {takes}"
    if takes == "token" and has_password:
        yield "`block` has `{password}`, and `takes` is token"
    if takes == "password" and (has_token or not has_password):
        yield "`block` needs `{password}` and no `{access_token}`, as `takes` is password"
    if takes == "exactly one" and has_token == has_password:
        yield "`block` needs either `{access_token}` or `{password}`, as `takes` is exactly one"
    if device == "theirs" and has_token:
        yield "`device` cannot be theirs: a token belongs to the device on the card"
    if device == "theirs" and "device_id" in named:
        yield "`block` cannot have `{device_id}`, as `device` is theirs"
    if device == "asked" and not has_token:
        yield "`device` cannot be asked without `{access_token}` in `block`"
    wants_key = raw.get("identity") == "recovery key"
    if wants_key and "recovery_key" not in named:
        yield "`block` needs `{recovery_key}`, as `identity` is recovery key"
    if "recovery_key" in named and raw["format"] not in _DATA:
        yield "`block` may have `{recovery_key}` only in data: a later card leaves it out"


def _room(raw: dict[str, Any], named: set[str]) -> Iterator[str]:
    room, has_room = raw.get("room", "no"), bool(named & {"room", "room_id"})
    if (room == "no") == has_room:
        yield f"`block` must {'not ' if room == 'no' else ''}name a room, as `room` is {room}"
    if room == "optional" and raw["format"] not in _DATA:
        yield "`room` may be optional only in data: a text needs its value"


def _texts(raw: dict[str, Any]) -> Iterator[str]:
    for key in _TEXTS:
        for name in sorted(names_in(raw.get(key, "")) - PUBLIC):
            why = "is a secret, which only `block` may have" if name in SECRETS else "is unknown"
            yield f"`{key}`: `{{{name}}}` {why}"


def _form(form: Format, block: Any) -> Iterator[str]:
    match form:
        case Format.SHELL:
            if not _are_words(block):
                yield "`block`: in shell each placeholder must be a word of its own, or follow a ="
        case Format.PYTHON:
            try:
                ast.parse(PLACEHOLDER.sub("0", block))
            except (SyntaxError, ValueError):
                yield "`block` is not Python"
        case Format.URL:
            if not re.match(r"[a-z][a-z0-9+.{}_-]*://\S+$", block.strip()):
                yield "`block` is not one URL"
        case Format.ENV | Format.FORM:
            if any(isinstance(value, dict | list) for value in block.values()):
                yield f"`block` must be flat, as `format` is {form}: texts, numbers, true, false"
            odd = form is Format.ENV and any(not re.fullmatch(r"[A-Za-z_]\w*", it) for it in block)
            if odd or any("\n" in label for label in block):
                yield "`block` has a name that cannot be one"


def _are_words(block: str) -> bool:
    """Whether each placeholder is a whole word of shell, or what is right of `NAME=`.

    Only there does a quoted value come out as it is: between other quotes it would not.
    """
    mark = "\ue000"  # of private use: in no block
    try:
        words = shlex.split(PLACEHOLDER.sub(mark, block), comments=True)
    except ValueError:
        return False
    are_whole = all(re.fullmatch(rf"(?:[A-Za-z_]\w*=)?{mark}", it) for it in words if mark in it)
    return are_whole and not re.search(r"['\"]\{[a-z_]+\}", block)
