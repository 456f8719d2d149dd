"""The reader's aids: figures, traces, source and checks for the notebooks. No floor imports it."""
