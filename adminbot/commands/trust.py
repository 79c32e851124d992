"""Commands about trusted devices: of a bot, and of a person and us."""

from adminbot.accounts.inspection import DeviceDetail, in_words
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import ReplacedIdentity, UsageError
from adminbot.store import Bot
from adminbot.values.render import ago
from adminbot.values.text import shown_id

router = Router("Bots")

_MOST = 10


@router.command("devices", "NAME", "a bot's sessions, trusted or not")
async def devices(ctx: Context, args: Args) -> Reply:
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
