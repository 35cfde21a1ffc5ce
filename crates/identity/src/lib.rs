//! Who is who: typed ids, API keys, the claims of service tokens, sealed secrets. Pure.

mod claims;
mod envelope;
mod id;
mod key;
mod seal;
mod token;

pub use claims::{Role, ServiceClaims};
pub use envelope::{DataKey, Envelope, KeyOwner, KeyWrapper, SealedFor, Wrapping};
pub use id::{
    AccountId, CredentialId, EndpointId, GenerationId, GroupId, KeyId, LeaseId, MalformedId, PersonId,
    PriceVersionId, TenantId,
};
pub use key::{ApiKey, KeyHash, KeyKind, MalformedKey};
pub use seal::{MasterKey, SealError};
pub use token::OpaqueToken;
