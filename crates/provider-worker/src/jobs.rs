//! What the worker does beside executions.

pub(crate) mod observe;
pub(crate) mod ship;
