"""Floor 5: the metadata stores over one embedded database. containerd: core/metadata."""
