"""gateway.toml: how the gateway runs on this machine."""

from gateway.settings.load import load_settings, subscriptions_of
from gateway.settings.model import Settings, Subscription

__all__ = ["Settings", "Subscription", "load_settings", "subscriptions_of"]
