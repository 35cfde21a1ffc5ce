//! The end user, as providers may know them.

use sha2::{Digest as _, Sha256};

/// A stable name of an end user for a provider's abuse checks, which does not say who it is.
pub(crate) fn hashed(user: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"patchbay user\0");
    hasher.update(user.as_bytes());
    hex::encode(hasher.finalize())
}
