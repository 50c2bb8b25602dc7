"""What the three servers do alike: logs, and listening for HTTP. Knows none of them."""
