"""The life of a notification, as this package uses it; the table is below, where the console reaches it too."""

from gateway.alerts.delivery import TABLE, TOLD, WAITING, Event, State, after

__all__ = ["TABLE", "TOLD", "WAITING", "Event", "State", "after"]
