"""The reader's aids: a daemon to play with, recordings, figures, source, checks. No floor imports them."""

from companion.guide.figures.conversation import conversation
from companion.guide.figures.floors import floors
from companion.guide.figures.graph import plugin_graph
from companion.guide.figures.references import references
from companion.guide.figures.sequence import sequence
from companion.guide.figures.tower import tower
from companion.guide.figures.tree import bucket_tree
from companion.guide.playground import fresh_daemon, fresh_registry, stop_daemon, stop_registry
from companion.guide.real import on_containerd
from companion.guide.recording import recording
from companion.guide.source import Source
from companion.guide.store_suite import check_store
from companion.guide.trace import call_tree, down_to
from companion.guide.tracebacks import shorten_tracebacks

__all__ = [
    "Source",
    "bucket_tree",
    "call_tree",
    "check_store",
    "conversation",
    "down_to",
    "floors",
    "fresh_daemon",
    "fresh_registry",
    "on_containerd",
    "plugin_graph",
    "recording",
    "references",
    "sequence",
    "stop_daemon",
    "stop_registry",
    "tower",
]

shorten_tracebacks()
