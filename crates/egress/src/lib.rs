//! Calls to places that a client or a tenant names.
//!
//! Such a URL must not reach a private network through this process, so nothing is connected to but an address of
//! the public internet that was checked a moment before:
//!
//! - [`rules`]: what a URL may be.
//! - [`address`]: which addresses are public.
//! - [`resolve`]: the addresses of a name, asked for once per connection.
//! - [`pinned`]: a connection to the addresses that were checked, and to no other.

pub mod address;
pub mod pinned;
pub mod resolve;
pub mod rules;

pub use pinned::{Pinned, Unreachable, client, tls};
pub use rules::{Checked, MalformedOrigin, Refusal, Rules};
