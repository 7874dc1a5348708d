"""The telecare gateway's shell: MQTT, store, alerts, notifications, console, command line."""
