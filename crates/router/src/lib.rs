//! The catalogue, endpoint health and the choice of attempts.
