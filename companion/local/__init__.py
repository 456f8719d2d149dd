"""Floor 4: the service plugins, where the work is done. containerd: plugins/services/*/local.go.

Each implements the *client* interface of its service, so that a `Client` inside the daemon can be
handed one in place of a stub.
"""
