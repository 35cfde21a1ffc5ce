//! The upstream side: the attempt loop, transport, metering and the spool.
//!
//! A worker takes one execution of a plan at a time from an edge, calls the plan's endpoints until one
//! answers, passes the answer on in the client's dialect, and is the sole author of what it came to. That
//! account is in the [spool](SpoolError) before the upstream is called, and leaves it only by billing's word.

mod app;
mod breaker;
mod budget;
mod config;
mod count;
mod credential;
mod error;
mod grpc;
mod jobs;
mod media;
mod meter;
mod metrics;
mod service;
mod shares;
mod spool;
mod status;
mod upstream;

pub use config::{Config, Media, SpoolSync};
pub use error::Error;
pub use media::StartError as MediaError;
pub use service::{Deps, Service};
pub use spool::Error as SpoolError;
