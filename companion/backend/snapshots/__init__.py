"""Snapshotters that keep trees in directories. containerd: plugins/snapshots/native and /overlay.

metadata.db             which snapshots there are
snapshots/<number>      the directory of one; without a record it is left over
"""
