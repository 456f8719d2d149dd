"""Recording: what a block of code makes the floors do, as spans of OpenTelemetry and then as hops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from opentelemetry import context, propagate
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer

from companion.core import trace
from companion.core.trace import Headers
from companion.guide.describe import describe, describe_error
from companion.guide.trace import Hop

T = TypeVar("T")


class Recording:
    """What was recorded; complete once its block has ended."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    def hops(self, room: str = "") -> list[Hop]:
        """Return the hops in the order in which they began.

        With a `room` such as "Container" only those whose lane carries this name, and what led to them.
        """
        by_id = {_context_id(span): span for span in self._spans}
        wanted: set[int] = set()
        for span in self._spans:
            if room in _of(span, "lane"):
                wanted |= set(_line(span, by_id))
        spans = [span for span in self._spans if _context_id(span) in wanted]
        index_of = {_context_id(span): index for index, span in enumerate(spans)}
        return [_hop(span, index_of) for span in spans]

    def take(self, spans: Sequence[ReadableSpan]) -> None:
        """Keep finished spans."""
        self._spans = sorted(spans, key=lambda span: span.start_time or 0)


@contextmanager
def recording() -> Iterator[Recording]:
    """Record every hop that this process makes inside the block."""
    exporter, provider, recorded = InMemorySpanExporter(), TracerProvider(), Recording()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, trace.recorder = trace.recorder, SpanRecorder(provider.get_tracer("companion"))
    try:
        yield recorded
    finally:
        trace.recorder = before
        provider.shutdown()
        recorded.take(exporter.get_finished_spans())


class SpanRecorder:
    """The recorder behind the seam in `core.trace`: a span for each hop."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def record(self, floor: str, lane: str, call: str, args: tuple[Any, ...], run: Callable[[], T]) -> T:
        """Run one hop inside a span of its own."""
        attributes = {"floor": floor, "lane": _lane(floor, lane), "call": call, "request": _request(args)}
        with self._tracer.start_as_current_span(
            f"{lane}.{call}", attributes=attributes, record_exception=False
        ) as span:
            try:
                reply = run()
            except BaseException as error:
                span.set_attribute("error", describe_error(_reason(error)))
                raise
            span.set_attribute("reply", describe(reply))
            return reply

    def headers(self) -> list[tuple[str, str]]:
        """Return the header `traceparent`."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return list(carrier.items())

    def join(self, headers: Headers) -> None:
        """Continue the trace that the header `traceparent` names."""
        context.attach(propagate.extract(dict(headers)))


def _lane(floor: str, lane: str) -> str:
    """Two lanes carry the name of the client interface: the stub's and the local plugin's."""
    match floor:
        case "wire":
            return f"{lane} (stub)"
        case "local":
            return f"{lane.removeprefix('Local')} (local)"
    return lane


def _request(args: tuple[Any, ...]) -> str:
    # The second argument of a servicer is gRPC's own; it says nothing about the call.
    return ", ".join(describe(arg) for arg in args if not hasattr(arg, "add_callback"))


def _reason(error: BaseException) -> BaseException:
    """What gRPC ends a call with says nothing; what made the call end stands behind it."""
    return error.__context__ or error if type(error) is Exception else error


def _of(span: ReadableSpan, name: str) -> str:
    return str((span.attributes or {}).get(name, ""))


def _line(span: ReadableSpan | None, by_id: dict[int, ReadableSpan]) -> Iterator[int]:
    """Yield the id of a span and of all that it was called by."""
    while span is not None:
        yield _context_id(span)
        span = by_id.get(span.parent.span_id) if span.parent else None


def _context_id(span: ReadableSpan) -> int:
    return span.context.span_id if span.context else 0


def _hop(span: ReadableSpan, index_of: dict[int, int]) -> Hop:
    return Hop(
        lane=_of(span, "lane"),
        floor=_of(span, "floor"),
        call=_of(span, "call"),
        request=_of(span, "request"),
        reply=_of(span, "reply"),
        error=_of(span, "error") or None,
        parent=index_of.get(span.parent.span_id) if span.parent else None,
        start=span.start_time or 0,
        end=span.end_time or 0,
    )
