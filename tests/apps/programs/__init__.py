"""The programs that are tried, in order."""

from tests.apps.lab import Program
from tests.apps.programs.apprise import Apprise
from tests.apps.programs.curl import Curl
from tests.apps.programs.libraries import NioBot, SimpleMatrixBotLib
from tests.apps.programs.matrix_commander import MatrixCommander
from tests.apps.programs.maubot import Maubot
from tests.apps.programs.nanobot import Nanobot
from tests.apps.programs.openclaw import OpenClaw

PROGRAMS: tuple[type[Program], ...] = (
    Nanobot,
    Maubot,
    MatrixCommander,
    Apprise,
    SimpleMatrixBotLib,
    NioBot,
    Curl,
    OpenClaw,
)
