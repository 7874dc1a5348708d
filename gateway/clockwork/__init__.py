"""What happens because time passed: escalation steps, promises that ran out; see docs/alerts.md."""
