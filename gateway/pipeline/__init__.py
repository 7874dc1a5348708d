"""From frames to alerts, in the order of the files: intake -> judge -> pipeline; lanes feed it."""
