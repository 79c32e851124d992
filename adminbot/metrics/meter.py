"""The counters of one service, and the page that Prometheus reads: the importer of its library."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    Summary,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from adminbot.metrics.table import METRICS, UNKNOWN, Kind, Metric

_OTHER = "other"
_TIMERS = (Kind.HISTOGRAM, Kind.SUMMARY)
States = Mapping[Metric, float]


class _States(Collector):
    """What is a state has no counter: it is read for each page."""

    def __init__(self) -> None:
        self.now: States = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for metric, value in self.now.items():
            yield GaugeMetricFamily(metric.name, metric.help, value=value)


class Meter:
    """Counts, in a registry of its own. `commands`: all names that there are."""

    def __init__(self, commands: Iterable[str]) -> None:
        # They would double the page, and tell nothing.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._commands = (*commands, UNKNOWN)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._states = _States()
        self._registry.register(self._states)
        self._counters = {it: self._counter(it) for it in METRICS if it.kind is Kind.COUNTER}
        self._timers = {it: self._timer(it) for it in METRICS if it.kind in _TIMERS}
        for metric, made in {**self._counters, **self._timers}.items():
            if metric.kind is not Kind.HISTOGRAM:  # of many lines
                _begin_at_zero(made, self._values(metric))

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, _names(metric), registry=self._registry)

    def _timer(self, metric: Metric) -> Histogram | Summary:
        names = _names(metric)
        if metric.kind is Kind.SUMMARY:
            return Summary(metric.name, metric.help, names, registry=self._registry)
        return Histogram(
            metric.name, metric.help, names, registry=self._registry, buckets=metric.buckets
        )

    def _values(self, metric: Metric) -> list[tuple[str, ...]]:
        return [self._commands if it.values is None else it.values for it in metric.labels]

    def _closed(self, metric: Metric, values: Sequence[str]) -> list[str]:
        """Whatever came here by mistake does not come out."""
        known = zip(values, self._values(metric), strict=True)
        return [value if value in those else _OTHER for value, those in known]

    def count(self, metric: Metric, values: Sequence[str], times: int) -> None:
        self._counters[metric].labels(*self._closed(metric, values)).inc(times)

    def observe(self, metric: Metric, values: Sequence[str], seconds: float) -> None:
        self._timers[metric].labels(*self._closed(metric, values)).observe(seconds)

    def page(self, states: States) -> bytes:
        """All of it, as Prometheus reads it; a state that is not known is left out."""
        self._states.now = states
        return generate_latest(self._registry)


def _begin_at_zero(made: Counter | Histogram | Summary, values: list[tuple[str, ...]]) -> None:
    """For every label: Prometheus sees no rise from nothing to one."""
    for each in product(*values):
        made.labels(*each)


def _names(metric: Metric) -> list[str]:
    return [label.name for label in metric.labels]
