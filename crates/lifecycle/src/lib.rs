//! The life of a process: configuration, telemetry, tasks, drain, and the listener for probes and metrics.

mod config;
mod metrics;
mod probes;
mod tasks;
mod telemetry;

pub use config::{ConfigError, foreign_variable, load, our_variables};
pub use metrics::{LATENCY_BUCKETS, Metrics};
pub use probes::{Health, ProbeError, serve_probes};
pub use tasks::{Shutdown, Tasks};
pub use telemetry::{LogFormat, TelemetryConfig, TelemetryError, TelemetryGuard, init_telemetry};
