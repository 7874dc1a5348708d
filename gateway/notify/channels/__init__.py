"""The channels, one file each. A new one is a file here, a line in gateway.app.parts, a table in gateway.settings."""
