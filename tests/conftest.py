"""For all tests: a busy machine is no failure of a property, and a narrow terminal none of a table."""

import os

os.environ["COLUMNS"] = "200"  # before rich is imported, which looks once

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
