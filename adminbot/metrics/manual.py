"""docs/metrics.md: made from the table of metrics by `make docs`."""

import sys
from pathlib import Path

from adminbot.metrics.table import METRICS, Metric

_HEAD = """\
# Metrics

<!-- Made by `make docs` from adminbot/metrics/. Do not edit by hand. -->

Off, until you say where they shall be read:

    ADMINBOT_METRICS=9464

and restart adminbot. Then `curl http://127.0.0.1:9464/metrics` shows them, from the moment on at
which the service starts, also while it still waits for the homeserver. For Prometheus:

```yaml
scrape_configs:
  - job_name: adminbot
    static_configs:
      - targets: ["127.0.0.1:9464"]
```

A port alone means 127.0.0.1: this machine only. A Prometheus on another machine, or in another
container, needs an address that it can reach: `192.0.2.7:9464`, `[2001:db8::7]:9464`, or
`0.0.0.0:9464` for all of them (in a container that is the one: its 127.0.0.1 is its own).

Whoever reaches that address is asked for no password, so keep it inside: a network between the two
containers, a firewall, or a proxy that asks. What can be read there is which commands are used and
how often, and how the homeserver answers. No label ever holds a user id, a room id, a bot's name
or anything that a person typed: each label has its values beforehand, and anything else would be
counted as `other`. Only `GET /metrics` is answered. A page costs the homeserver no request.

Where the address cannot be had, because another program has the port or the address is none of
this machine, the log says so once and adminbot runs without metrics: it would be worse to have no
bot when one has to be revoked. Prometheus tells of it, too (`up == 0`).

[grafana-dashboard.json](../deploy/grafana-dashboard.json) is a dashboard for Grafana: Dashboards →
New → Import. [prometheus-rules.yaml](../deploy/prometheus-rules.yaml) has alerts for Prometheus
(`rule_files`).

## Each metric

"""
_FOOT = """\
## The words

What became of a command (`outcome`):

- `done`
- `asked`: a question came first; the answer counts as another command
- `mistyped`: no such command, or wrong words behind it
- `refused`: who typed it may not, or not from that device, in that room, at that time; or what was
  asked for cannot be (a name that is taken, a bot that is not there)
- `failed`: the homeserver did not do its part
- `bug`: the log has the traceback

What an alarm is about (`about`):

- `identity`: an admin or a bot shows another cross-signing identity than the one that counts
- `device_keys`: a bot's device shows other keys
- `left_out`: an admin by the settings who does not count
- `state`: adminbot cannot write its own state (a full disk)
- `silence`: a watched bot is silent; one for each bot
- `stranger`: somebody who is no admin was found in the admin room, and removed where possible
- `room_gone`: adminbot is not in the admin room any more

What waited for a limit of the homeserver (`waits`): a `login` for a bot, or a `message` of
adminbot's own.

## Of the process

Under the names that all programs use: `process_resident_memory_bytes`,
`process_virtual_memory_bytes`, `process_cpu_seconds_total`, `process_open_fds`, `process_max_fds`,
`process_start_time_seconds`.

All counts begin at zero with each start, as `rate()` and `increase()` expect.
"""


def text() -> str:
    """The file's whole text."""
    return _HEAD + "".join(map(_explained, METRICS)) + _FOOT


def _explained(metric: Metric) -> str:
    lines = [f"### `{metric.name}`", "", f"{metric.kind.capitalize()}. {metric.help}", ""]
    for label in metric.labels:
        values = "the name of a command, or `unknown`"
        if label.values is not None:
            values = ", ".join(f"`{value}`" for value in label.values)
        lines.append(f"- `{label.name}`: {values}")
    return "\n".join([*lines, *([""] if metric.labels else []), ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
