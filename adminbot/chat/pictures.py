"""Pictures that people sent, fetched and decrypted."""

from typing import Any

from nio import Event, MegolmEvent
from nio.crypto.attachments import decrypt_attachment
from nio.exceptions import EncryptionError

from adminbot.chat.client import Client
from adminbot.chat.incoming import is_picture
from adminbot.errors import HomeserverError, TooLarge, UsageError
from adminbot.homeserver.client_api import ClientApi

_AGAIN = "Send it once more, then type the same again as a reply to it."


class Pictures:
    """Reads the file of a message."""

    def __init__(self, client: Client, account: ClientApi) -> None:
        self._client = client
        self._account = account

    async def read(self, room_id: str, event_id: str, *, most: int) -> bytes:
        """The picture in a message of a room, of at most `most` bytes.

        Raises:
            UsageError: no picture, one that we cannot decrypt, or one that is too large.
            HomeserverError: not fetched.
        """
        content = await self._content(room_id, event_id)
        if not is_picture(content):
            raise UsageError(
                "What you replied to is no picture. Nothing was changed.",
                "Reply to a picture, or type the same without a reply and send one then.",
            )
        file = content.get("file")
        address = file.get("url") if isinstance(file, dict) else content.get("url")
        try:
            data = await self._account.media.download(str(address), most=most)
        except TooLarge:
            raise UsageError(
                f"That picture is larger than {most // 2**20} MiB. Nothing was changed.",
                "Send a smaller one; most apps offer that.",
            ) from None
        except HomeserverError as exc:
            if exc.status not in (403, 404):
                raise
            raise UsageError("That picture is gone. Nothing was changed.", _AGAIN) from None
        return _opened(data, file) if isinstance(file, dict) else data

    async def _content(self, room_id: str, event_id: str) -> dict[str, Any]:
        try:
            source = await self._account.event(room_id, event_id)
        except HomeserverError as exc:
            if exc.status not in (403, 404):
                raise
            raise UsageError("I do not see that message. Nothing was changed.", _AGAIN) from None
        event = Event.parse_event(source)
        if isinstance(event, MegolmEvent):
            event.room_id = room_id
            try:
                event = self._client.decrypt_event(event)
            except EncryptionError:
                raise UsageError(
                    "I cannot decrypt that picture: it is from before I was here, or its key did "
                    "not come. Nothing was changed.",
                    _AGAIN,
                ) from None
        content = getattr(event, "source", {}).get("content")
        return content if isinstance(content, dict) else {}


def _opened(data: bytes, file: dict[str, Any]) -> bytes:
    """The decrypted file. Source: client-server API, "Sending encrypted attachments"."""
    try:
        return bytes(
            decrypt_attachment(data, file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        )
    except (EncryptionError, KeyError, TypeError, ValueError, AttributeError):
        # Whatever stands in the message reaches the decoder as it is.
        raise UsageError("That picture is damaged. Nothing was changed.", _AGAIN) from None
