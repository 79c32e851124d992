"""Commands about trusted devices: of a bot, and of a person and us."""

import re
from datetime import timedelta

from adminbot.accounts.inspection import DeviceDetail, in_words
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import ReplacedIdentity, UsageError
from adminbot.store import Bot
from adminbot.values.render import ago
from adminbot.values.text import format_duration, safe_to_quote, shown_id

router = Router("Bots")

_MOST = 10


@router.command(
    "devices",
    "NAME",
    "a bot's sessions, trusted or not",
    flags={"prune": Flag("sign out those not seen for so long, such as `90d`", "TIME")},
    acts=True,
    only_looks=lambda args: "prune" not in args.flags,
    confirm=Confirm.NAME,
    details=(
        "With `--prune` those go, with their keys, once you have seen the list. The session from "
        "its card stays, and so do those never used: nobody knows how old these are.\n"
        "Example: `!devices nanobot --prune 90d`"
    ),
)
async def devices(ctx: Context, args: Args) -> Reply:
    if "prune" in args.flags:
        return await _prune(ctx, args)
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    devices = await ctx.services.look.devices(bot)
    if not devices:
        return Reply(
            f"`{bot.user_id}` has no session.\nGive it one: `!rotate {bot.user_id.localpart}`"
        )
    lines = [f"📱 **Devices of {bot.called}** ({len(devices)})"]
    lines += [_line(device, bot) for device in devices[:_MOST]]
    lines += _more(len(devices) - _MOST)
    if any(device.state is DeviceState.REPLACED for device in devices):
        lines.append(f"🚨 {_replaced(bot)}")
    if any(device.state is DeviceState.OTHER_KEYS for device in devices):
        lines.append(
            "🚨 Other keys on the same device: nobody can read what it writes. "
            f"Mend it: `!rotate {bot.user_id.localpart} --new-device`"
        )
    if any(device.state is DeviceState.UNSIGNED for device in devices):
        lines.append(f"Trust one: `!trust {bot.user_id.localpart} DEVICE`")
    return Reply("\n".join(lines))


async def _prune(ctx: Context, args: Args) -> Reply:
    so_long = _length(args.flags["prune"])
    said = format_duration(round(so_long.total_seconds()))
    endings = ctx.services.accounts.endings
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    if not ctx.incoming.confirmed:
        unused = await endings.unused(bot, so_long)
        if not unused:
            return Reply(
                f"`{bot.user_id}` has no session to sign out: all were seen within {said}, are "
                "from its card, or were never used. Nothing was changed."
            )
        seen = [(shown_id(it.device_id), it.last_seen) for it in unused]
        listed = [f"• `{shown}` seen {ago(last)} ago" for shown, last in seen[:_MOST] if last]
        ctx.confirm(
            "\n".join(
                [
                    f"⚠️ Sign these sessions of `{bot.user_id}` out, with their keys? They were "
                    f"not seen for {said}.",
                    *listed,
                    *_more(len(unused) - _MOST),
                    "The one from its card stays, and so do those never used.",
                ]
            ),
            word_for(bot.user_id),
            if_so="To sign them out",
        )
    gone = await endings.prune(args["NAME"], so_long, ctx.order)
    if not gone:
        return Reply(f"All sessions of `{bot.user_id}` were seen meanwhile. Nothing was changed.")
    return Reply(
        "\n".join(
            [
                f"✅ Signed out of `{bot.user_id}`, not seen for {said}:",
                *[f"• `{shown}`" for shown in gone[:_MOST]],
                *_more(len(gone) - _MOST),
            ]
        )
    )


def _length(typed: str) -> timedelta:
    """A time such as `90d`, a day at least. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,3})([dw])", typed.strip().lower())
    if not found:
        raise UsageError(
            f"`--prune` wants a time in days or weeks, and “{safe_to_quote(typed)}” is none. "
            "Nothing was changed.",
            "Such as `--prune 90d`",
        )
    return timedelta(**{{"d": "days", "w": "weeks"}[found[2]]: int(found[1])})


def _line(device: DeviceDetail, bot: Bot) -> str:
    seen = f"seen {ago(device.last_seen)} ago" if device.last_seen else "never used"
    issued = ", from its card" if device.device_id == bot.device_id else ""
    return f"• `{shown_id(device.device_id)}`{issued}: {_state(device, bot)}, {seen}"


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _state(device: DeviceDetail, bot: Bot) -> str:
    keys = f", keys `{device.fingerprint}`" if device.fingerprint else ""
    return in_words(device.state, bot) + keys


def _replaced(bot: Bot) -> str:
    return ReplacedIdentity(bot.user_id, own_identity=bot.own_identity).message()


@router.command(
    "trust",
    "NAME [DEVICE]",
    "sign a bot's device",
    acts=True,
    confirm=Confirm.KEYS,
    details=(
        "Signs the device of its card with the identity that I made for it, so that nobody sees a "
        "red shield. I do that by myself when its program first shows up; this is for when that "
        "went wrong. With DEVICE: any other one of its devices, after you saw its keys.\n"
        "`!devices NAME` lists them.\nExample: `!trust nanobot`"
    ),
)
async def trust(ctx: Context, args: Args) -> Reply:
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    wanted = args.get("DEVICE", bot.device_id or "")
    device = _wanted(wanted, await ctx.services.look.devices(bot), bot)
    name = bot.user_id.localpart
    if device.state is DeviceState.TRUSTED:
        return Reply(f"✅ Device `{wanted}` of `{name}` is trusted already.")
    keys = device.fingerprint
    if device.device_id != bot.device_id:
        keys = ctx.confirm(
            f"⚠️ Sign device `{wanted}` of `{bot.user_id}`? It did not come from a "
            "card of mine. Its keys, to be compared with what its program shows:\n"
            f"`{keys}`",
            keys,
            if_so="If they are the same",
        )
    await ctx.services.accounts.device_trust.trust(args["NAME"], device.device_id, keys, ctx.order)
    return Reply(f"✅ Device `{wanted}` of `{name}` is trusted.")


def _wanted(shown: str, devices: list[DeviceDetail], bot: Bot) -> DeviceDetail:
    """The device `shown` to the person. Raises UsageError, ReplacedIdentity: no signature."""
    device = next((device for device in devices if shown_id(device.device_id) == shown), None)
    if device is None:
        raise UsageError(
            f"`{bot.user_id}` has no such device.",
            f"`!devices {bot.user_id.localpart}` lists them.",
        )
    if device.state is DeviceState.REPLACED:
        raise ReplacedIdentity(bot.user_id, own_identity=bot.own_identity)
    if device.state is DeviceState.OTHER_KEYS:
        raise UsageError(
            f"Device `{shown}` shows {in_words(device.state, bot)}, and no program reads "
            "messages of such a device. I signed nothing.",
            f"Give it a new one: `!rotate {bot.user_id.localpart} --new-device`",
        )
    if device.state is DeviceState.NEVER_STARTED:
        raise UsageError(
            f"Device `{shown}` has no encryption keys yet: nothing to sign.",
            "Start its program, with encryption turned on.",
        )
    return device
