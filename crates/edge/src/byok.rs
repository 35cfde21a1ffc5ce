//! The organisations' own credentials for providers.

use rpc::router::OwnCredential;

/// Those that one key may use, in the order in which they are to be tried.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnCredentials(pub(crate) Vec<OwnCredential>);
