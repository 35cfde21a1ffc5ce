//! What makes the service itself fail. What fails for one client is a `Refusal`.

/// The service cannot start, cannot be set up, or stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the Redis client cannot be set up")]
    Redis(#[source] redis::RedisError),
    #[error("the public listener failed")]
    Listener(#[source] std::io::Error),
    #[error("the identity database refused or cannot be reached")]
    Database(#[from] sqlx::Error),
    /// What is configured for mail or sign-ins cannot be used, or a password could not be hashed.
    #[error("accounts cannot be set up")]
    Accounts(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("traces cannot be sent as it is configured")]
    Destinations(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("billing refused or cannot be reached")]
    Billing(#[source] Box<tonic::Status>),
    #[error("a credential cannot be sealed or opened")]
    Seal(#[from] identity::SealError),
}
