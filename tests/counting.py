"""What is counted within a test."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client.parser import text_string_to_metric_families

from adminbot import metrics
from adminbot.commands import ROUTER
from adminbot.metrics.meter import Meter, States


class Counted:
    """The page that Prometheus would read, by sample."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def page(self, states: States | None = None) -> str:
        return self.meter.page(states or {}).decode()

    def samples(self, states: States | None = None) -> dict[str, float]:
        return samples_of(self.page(states))

    def risen(self) -> dict[str, float]:
        """What is not zero; of the process itself nothing, of a timer only how often."""
        return {
            sample: value
            for sample, value in self.samples().items()
            if value and sample.startswith("adminbot_") and "_sum" not in sample
            if "_bucket" not in sample
        }


def samples_of(page: str) -> dict[str, float]:
    """`name{label=value,…}` → value, of all that a page holds."""
    found = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@contextmanager
def counting() -> Iterator[Counted]:
    """Count what this task does, and what it starts, within the block."""
    meter = Meter(command.name for command in ROUTER.commands)
    before = metrics._meter.set(meter)
    try:
        yield Counted(meter)
    finally:
        metrics._meter.reset(before)
