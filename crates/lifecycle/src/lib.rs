//! Configuration, telemetry, tasks, drain and the probe listener.
