"""The life of a notification, as this package uses it; the table itself is below, where the console can reach it too."""

from gateway.alerts.delivery import TABLE, TOLD, WAITING, Event, State, after

__all__ = ["TABLE", "TOLD", "WAITING", "Event", "State", "after"]
