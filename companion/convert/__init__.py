"""Records to messages and back, written once for the remote stores, the local plugins and the stores."""
