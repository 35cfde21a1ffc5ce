//! What can go wrong with the simulator itself; what it answers on purpose is a [`crate::failure::Failure`].

/// The simulator cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the simulator's listener failed")]
    Listener(#[source] std::io::Error),
}
