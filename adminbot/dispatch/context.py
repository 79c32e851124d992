"""What a command handler is given, as named fields."""

from collections.abc import Callable
from dataclasses import dataclass

from adminbot.accounts.act import Order
from adminbot.chat.incoming import Incoming
from adminbot.dispatch.questions import question_about
from adminbot.dispatch.router import Command, Reply
from adminbot.dispatch.running_total import RunningTotal
from adminbot.dispatch.services import Services
from adminbot.values.ids import UserId


class NotConfirmed(Exception):
    """A command wants confirmation and has none: `question` is to be put; nothing has happened."""

    def __init__(self, question: Reply) -> None:
        super().__init__("not confirmed")
        self.question = question


@dataclass(frozen=True, slots=True)
class Context:
    """One command's circumstances.

    `incoming`: the message with the command. `order`: by it an act is noted. `is_second_run`: a
    crash cut an earlier run off after its act was noted, so that something may be half done.
    `running_total`: makes the one message that says how far a long command is.
    """

    incoming: Incoming
    command: Command
    order: Order
    services: Services
    running_total: Callable[[], RunningTotal]
    is_second_run: bool = False

    @property
    def sender(self) -> UserId:
        return self.order.who

    def confirm(self, text: str, about: str, *, if_so: str = "") -> str:
        """Go on only with what the sender has confirmed; returns `about` as shown in the question.

        Args:
            text: the question. The declaration of the command adds how to answer.
            about: the subject of the question; the last word is to be typed.
            if_so: the beginning of the sentence that asks for the word: "To delete it".

        Raises:
            NotConfirmed: the question has to be put first.
        """
        if not self.incoming.confirmed:
            raise NotConfirmed(question_about(about, text, self.command.confirm, if_so))
        return self.incoming.confirmed

    def confirm_also(self, text: str, about: str, *, if_so: str = "") -> None:
        """Put a second question, once the first one is answered: `about` differs from that one's.

        Args and Raises: as `confirm`.
        """
        if self.incoming.confirmed != about:
            raise NotConfirmed(question_about(about, text, self.command.confirm, if_so))
