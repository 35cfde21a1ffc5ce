//! One type per kind of id, so that a tenant is never taken for a key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is no id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed id")]
pub struct MalformedId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id; ids made later sort later.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }
    };
}

macro_rules! plain_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                Uuid::parse_str(text).map(Self).map_err(|_| MalformedId)
            }
        }
    )*};
}

id!(
    /// An organisation: the unit of isolation and of billing.
    TenantId
);
id!(
    /// Somebody who signs in: what the APIs call a user.
    PersonId
);
id!(
    /// An API key, inference or management.
    KeyId
);
id!(
    /// One inference request, from admission to ledger. On the wire `gen-` and 32 hex digits.
    GenerationId
);
id!(
    /// One provider's offer of one model.
    EndpointId
);
id!(
    /// A credential for a provider.
    CredentialId
);
id!(
    /// An immutable price list.
    PriceVersionId
);
id!(
    /// A spend account or ledger account.
    AccountId
);
id!(
    /// One lease on one account.
    LeaseId
);
id!(
    /// The leases that one request took together.
    GroupId
);
plain_text!(TenantId, PersonId, KeyId, EndpointId, CredentialId, PriceVersionId, AccountId, LeaseId, GroupId);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gen-{}", self.0.simple())
    }
}

/// Accepts the wire form and a plain UUID.
impl FromStr for GenerationId {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let hex = text.strip_prefix("gen-").unwrap_or(text);
        Uuid::parse_str(hex).map(Self).map_err(|_| MalformedId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_id_reads_back_from_its_wire_form() {
        let id = GenerationId::generate();
        assert_eq!(id.to_string().len(), 36);
        assert_eq!(id.to_string().parse::<GenerationId>(), Ok(id));
        assert_eq!("gen-x".parse::<GenerationId>(), Err(MalformedId));
    }
}
