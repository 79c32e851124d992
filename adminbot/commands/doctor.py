"""`!doctor`: the same checks as `adminbot doctor`, for a small screen."""

from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.doctor.finding import Finding, Level

router = Router("adminbot")


@router.command(
    "doctor",
    "",
    "what is wrong, and what mends it",
    details="Looks at the homeserver, at me and at my work. Changes nothing. In the shell: "
    "`adminbot doctor`.",
)
async def doctor(ctx: Context, args: Args) -> Reply:
    found = [finding async for finding in ctx.services.examine()]
    wrong = [finding for finding in found if finding.level is not Level.OK]
    wrong.sort(key=lambda finding: finding.level is not Level.ERROR)
    well = [finding.check for finding in found if finding.level is Level.OK]
    lines = [line for finding in wrong for line in _in_chat(finding)]
    return Reply("\n".join([*lines, *_well(well, alone=not wrong)]))


def _well(names: list[str], *, alone: bool) -> list[str]:
    if not names:
        return []
    if alone:
        head = f"All {len(names)} checks are well"
    else:
        head = "One more is well" if len(names) == 1 else f"{len(names)} more are well"
    return [f"✅ {head}: {', '.join(names)}"]


def _in_chat(finding: Finding) -> list[str]:
    lines = [f"{finding.level.sign} **{finding.check}**: {finding.text}"]
    return [*lines, finding.remedy] if finding.remedy else lines
