//! What the worker does beside executions.

pub(crate) mod observe;
pub(crate) mod open;
pub(crate) mod ship;
