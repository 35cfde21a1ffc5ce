//! The organisations' own credentials for providers.
//!
//! - [`check()`]: what a credential must hold, and what of it is shown.
//! - [`seal()`]: sealing under the organisation's data key.
//! - [`rotate`]: exchanging the keys that credentials are sealed under.

mod check;
mod provider;
mod rotate;
mod seal;

use rpc::router::OwnCredential;

pub(crate) use check::{check, label};
pub(crate) use provider::Provider;
pub use rotate::{Rewrapped, forget_tenant_keys, rewrap_tenant_keys, rotate_tenant_key};
pub(crate) use seal::{Sealed, newest, of_version, seal};

/// Those that one key may use, in the order in which they are to be tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnCredentials(pub(crate) Vec<OwnCredential>);
