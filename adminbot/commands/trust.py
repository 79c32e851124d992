"""Commands about whose devices are trusted: a bot's, and our own and a person's."""

from adminbot.accounts.inspection import DeviceDetail, in_words
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.router import Args, Reply, Router
from adminbot.errors import ReplacedIdentity, UsageError
from adminbot.store import Bot
from adminbot.values.render import ago
from adminbot.values.text import shown_id

router = Router()

_MOST = 10


@router.command("devices", "NAME", "a bot's sessions, trusted or not", words=(1, 1))
async def devices(ctx: Context, args: Args) -> Reply:
    found = await ctx.bots.get(args.words[0])
    every = await ctx.look.devices(found)
    if not every:
        return Reply(
            f"`{found.user_id}` has no session.\n"
            f"Give it one: `{ctx.prefix}rotate {found.user_id.localpart}`"
        )
    lines = [f"📱 **Devices of {found.called}** ({len(every)})"]
    for device in every[:_MOST]:
        seen = f"seen {ago(device.last_seen)} ago" if device.last_seen else "never used"
        issued = ", from its card" if device.device_id == found.device_id else ""
        state = _state(device, found)
        lines.append(f"• `{shown_id(device.device_id)}`{issued}: {state}, {seen}")
    lines += _more(len(every) - _MOST)
    if any(device.state is DeviceState.REPLACED for device in every):
        lines.append(f"🚨 {_replaced(ctx, found)}")
    if any(device.state is DeviceState.UNSIGNED for device in every):
        lines.append(f"Trust one: `{ctx.prefix}trust {found.user_id.localpart} DEVICE`")
    return Reply("\n".join(lines))


def _more(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def _state(device: DeviceDetail, bot: Bot) -> str:
    keys = f", keys `{device.fingerprint}`" if device.fingerprint else ""
    return in_words(device.state, bot) + keys


def _replaced(ctx: Context, bot: Bot) -> str:
    told = ReplacedIdentity(bot.user_id, own_identity=bot.own_identity).message()
    return told.replace("`!", f"`{ctx.prefix}")


@router.command(
    "trust",
    "NAME [DEVICE]",
    "sign a bot's device",
    words=(1, 3),
    acts=True,
    details=(
        "Signs the device of its card with the identity that I made for it, so that nobody sees a "
        "red shield. I do that by myself when its program first shows up; this is for when that "
        "went wrong. With DEVICE: any other one of its devices, after you saw its keys.\n"
        "`{prefix}devices NAME` lists them.\nExample: `{prefix}trust nanobot`"
    ),
)
async def trust(ctx: Context, args: Args) -> Reply:
    found = await ctx.bots.get(args.words[0])
    every = await ctx.look.devices(found)
    wanted = args.words[1] if len(args.words) > 1 else found.device_id
    device = next((device for device in every if shown_id(device.device_id) == wanted), None)
    name = found.user_id.localpart
    if device is None:
        raise UsageError(
            f"`{found.user_id}` has no such device.", f"`{ctx.prefix}devices {name}` lists them."
        )
    if device.state is DeviceState.REPLACED:
        raise ReplacedIdentity(found.user_id, own_identity=found.own_identity)
    if device.state is DeviceState.NEVER_STARTED:
        raise UsageError(
            f"Device `{wanted}` has no encryption keys yet: nothing to sign.",
            "Start its program, with encryption turned on.",
        )
    if device.state is DeviceState.TRUSTED:
        return Reply(f"✅ Device `{wanted}` of `{name}` is trusted already.")
    if device.device_id != found.device_id and not (ctx.confirmed and len(args.words) > 2):
        return Reply(
            f"⚠️ Sign device `{wanted}` of `{found.user_id}`? It did not come from a "
            "card of mine. Its keys, to be compared with what its program shows:\n"
            f"`{device.fingerprint}`\n"
            "If they are the same, answer with their last block within 2 minutes.",
            ask=device.fingerprint.split(" ")[-1],
            line=f'trust {name} {wanted} "{device.fingerprint}"',
        )
    shown = args.words[2] if len(args.words) > 2 else device.fingerprint
    await ctx.bots.trust(args.words[0], device.device_id, shown, ctx.order)
    return Reply(f"✅ Device `{wanted}` of `{name}` is trusted.")
