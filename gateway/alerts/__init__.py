"""Alerts: what a person must deal with, from the first telling until a person closes it; see docs/alerts.md."""
