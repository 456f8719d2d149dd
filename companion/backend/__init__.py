"""What only the daemon uses, and reaches through plugins: events, and the bytes of blobs and snapshots."""
