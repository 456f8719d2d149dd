"""What only the daemon uses, and reaches through plugins: here, the exchange of events."""
