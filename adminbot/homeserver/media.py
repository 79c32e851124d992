"""The media repository: files by their `mxc:` address.

Source: client-server API, "Content repository"; the authenticated endpoints are from 1.11 on.
"""

import re

from adminbot.errors import HomeserverError, UsageError
from adminbot.homeserver.http import HttpClient, Upload, part
from adminbot.values.ids import SERVER_NAME

_MXC = re.compile(rf"mxc://(?P<server>{SERVER_NAME})/(?P<id>[A-Za-z0-9_\-]{{1,255}})")


class Media:
    """Downloads and uploads, as the owner of the access token."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def download(self, address: str, *, most: int) -> bytes:
        """A file of at most `most` bytes.

        Raises:
            UsageError: that is no address.
            TooLarge, HomeserverError: 404 among them.
        """
        found = _MXC.fullmatch(address)
        if found is None:
            raise UsageError("That picture has no usable address. Nothing was changed.")
        file = f"{part(found['server'])}/{part(found['id'])}"
        try:
            path = f"/_matrix/client/v1/media/download/{file}"
            return await self._http.download(path, most=most)
        except HomeserverError as exc:
            if exc.errcode != "M_UNRECOGNIZED":
                raise
        # Synapse before 1.111 has only this one.
        return await self._http.download(f"/_matrix/media/v3/download/{file}", most=most)

    async def upload(self, data: bytes, kind: str) -> str:
        """Returns the file's `mxc:` address. `kind`: the media type."""
        path = "/_matrix/media/v3/upload"
        _, body = await self._http.ask(
            "POST", path, Upload(data, kind), needs={"content_uri": str}
        )
        return str(body["content_uri"])
