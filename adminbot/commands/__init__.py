"""Everything that can be typed in the chat: the sum of the routers."""

from adminbot.commands import (
    adopting,
    apps,
    audit,
    bots,
    bulk,
    care,
    doctor,
    endings,
    faces,
    lockdown,
    looking,
    people,
    rooms,
    sign_up,
    talk,
    trust,
    watching,
)
from adminbot.dispatch.router import Router

ROUTER = Router.joined(
    bots.router,
    bulk.router,
    care.router,
    endings.router,
    looking.router,
    adopting.router,
    apps.router,
    trust.router,
    faces.router,
    rooms.router,
    audit.router,
    people.router,
    sign_up.router,
    watching.router,
    doctor.router,
    talk.router,
    lockdown.router,
)
