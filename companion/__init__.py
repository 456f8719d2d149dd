"""A working containerd, small enough to read: its heart, floor by floor."""

import logging

# A library is silent until its user asks to hear it; the daemon's command line does.
logging.getLogger(__name__).addHandler(logging.NullHandler())
