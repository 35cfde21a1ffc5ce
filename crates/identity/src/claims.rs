//! What a service says of itself to another: the claims of 60-second Ed25519 tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::MalformedId;

/// A service of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Edge,
    Router,
    ProviderWorker,
    Billing,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Billing, Self::Router, Self::ProviderWorker, Self::Edge];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Router => "router",
            Self::ProviderWorker => "provider-worker",
            Self::Billing => "billing",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(MalformedId)
    }
}

/// The claims of a service token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceClaims {
    /// The caller.
    pub iss: Role,
    /// The callee: a token for one service opens no other.
    pub aud: Role,
    /// Unix seconds.
    pub iat: u64,
    pub exp: u64,
}
