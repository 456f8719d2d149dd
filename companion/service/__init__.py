"""Floor 3: the gRPC plugins, thin by design: from the wire to the local plugin and back.

containerd: plugins/services/*/service.go.
"""
