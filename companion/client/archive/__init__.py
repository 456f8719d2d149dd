"""Images in archives, as OCI and docker lay them out. containerd: core/images/archive."""
