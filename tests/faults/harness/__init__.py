"""A gateway seen from outside: broker, daemon process, receivers, and what stands in its database afterwards."""
