//! The schema `identity`: one file per aggregate, all of its SQL.

pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod credentials;
pub(crate) mod governance;
pub(crate) mod keys;
pub(crate) mod operators;
pub(crate) mod organisations;
pub(crate) mod presets;
pub(crate) mod sessions;
pub(crate) mod tenant_keys;
pub(crate) mod workspaces;
