"""What only the daemon uses, and reaches through plugins: events, blobs, snapshots, layers, collections."""
