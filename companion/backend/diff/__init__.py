"""The differ `walking`: from a layer to a tree and back. containerd: plugins/diff/walking, pkg/archive.

A layer flows through `compression` and `stream` into `tar`, entry by entry; `extract` puts each where
`root` says, and nowhere else. The way back: `changes` finds what differs, `writing` makes it a layer.
"""
