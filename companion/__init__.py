"""A working containerd, small enough to read: its heart, floor by floor."""

import logging
import os

# The core of gRPC writes to stderr from threads of its own unless told not to before it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# A library is silent until its user asks to hear it; the daemon's command line does.
logging.getLogger(__name__).addHandler(logging.NullHandler())
