"""Everything that can be typed in the chat: the sum of the routers."""

from adminbot.commands import apps, bots, lockdown, talk, trust
from adminbot.dispatch.router import Router

ROUTER = Router.joined(
    bots.router, apps.router, apps.rooms, trust.router, talk.router, lockdown.router
)
