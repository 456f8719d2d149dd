"""Floor 2: stores whose every method is one call on a client interface. containerd: client/*store.go."""
