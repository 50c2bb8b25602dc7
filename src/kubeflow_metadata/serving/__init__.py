"""What the servers share: flags, logs, telemetry, health, and serving HTTP. It knows none of them."""
