"""Residents, devices, carers and providers that behave; they speak only MQTT and HTTP."""
