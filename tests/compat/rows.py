"""What is tried: a Synapse, what is under it, what is before it, and what must come of that."""

from dataclasses import dataclass

from tests.compat import nginx
from tests.compat.synapses import newest

OLDEST = "1.110.0"
ODD = "!newbot door/bell"  # no path may lose the %2F


@dataclass(frozen=True)
class Row:
    """`refused`: what setup must say instead of setting up. `lacks`: what this Synapse cannot do.

    `by`: the scheme of the address that is given. `below`: its path. `knows_ca`: setup is told
    whose certificates to trust. `quiet_s`: how long nobody types in the end.
    `hears`: what is answered to `ODD`.
    """

    name: str
    synapse: str
    on_postgres: bool = False
    site: str = ""
    by: str = "http"
    below: str = ""
    knows_ca: bool = False
    refused: str = ""
    lacks: str = ""
    hears: str = ""
    quiet_s: int = 0

    @property
    def tries_every_command(self) -> bool:
        """Once for each Synapse: what is under and before it makes no difference to that."""
        return not (self.on_postgres or self.site or self.refused)


def _on(version: str, lacks: str = "") -> tuple[Row, Row]:
    name = f"Synapse {version}"
    return (
        Row(f"{name}, SQLite", version, lacks=lacks),
        Row(f"{name}, PostgreSQL", version, on_postgres=True, lacks=lacks),
    )


_KEPT_BACK = "keeps /_synapse/admin back"

ROWS = (
    Row("Synapse 1.109.0", "1.109.0", refused="That is Synapse 1.109.0, and adminbot needs 1.110"),
    *_on(OLDEST, lacks="deletebot --erase"),  # its endpoint came with 1.116
    *_on("1.123.0"),
    *_on("1.140.0"),
    *_on(newest()),
    Row("nginx, admin API let through", newest(), site=nginx.LET_THROUGH),
    Row("nginx, admin API left out", newest(), site=nginx.LEFT_OUT, refused=_KEPT_BACK),
    Row("nginx, admin API denied", newest(), site=nginx.DENIED, refused=_KEPT_BACK),
    Row(
        "nginx, below /matrix",
        newest(),
        site=nginx.BELOW_A_PATH,
        below="/matrix",
        hears="takes names with a / apart",
    ),
    Row("nginx, below, as sent", newest(), site=nginx.AS_SENT, below="/matrix", hears="is ready"),
    Row("nginx, own CA, --ca-file", newest(), site=nginx.TLS, by="https", knows_ca=True),
    Row(
        "nginx, own CA, not told",
        newest(),
        site=nginx.TLS,
        by="https",
        refused="comes from an authority that is not trusted here",
    ),
    Row("nginx, http to https", newest(), site=nginx.TO_HTTPS, refused="sends everybody on to"),
    Row("nginx, gives up after 5 s", newest(), site=nginx.SHORT, quiet_s=45),
)
