//! How the services speak: generated gRPC code, one channel type that is local or remote, and one stack
//! of layers on both paths.
//!
//! A service is served with [`serve`] over the network or wrapped by [`Channel::local`] in process; a
//! caller holds a [`Channel`] and cannot tell which. Protobuf stays inside this crate and the services'
//! `grpc.rs` files.

mod auth;
mod balance;
mod channel;
pub mod convert;
mod fault;
mod generated;
mod guard;
mod markups;
mod server;
pub mod sketch;
pub mod subjects;
pub mod text;
mod trace;

pub use auth::{KeyError, ServiceKeys};
pub use channel::{Channel, ChannelError, Replicas, retry};
pub use fault::Fault;
pub use generated::patchbay::{
    billing::v1 as billing, errors::v1 as errors, events::v1 as events, pricing::v1 as pricing,
    router::v1 as router, status::v1 as status, worker::v1 as worker,
};
pub use markups::Markups;
pub use server::{ServeError, serve};
pub use trace::{continue_trace, continue_trace_of, current_trace};

/// The largest message that any call carries, in bytes.
pub const MAX_MESSAGE: usize = 32 * 1024 * 1024;
