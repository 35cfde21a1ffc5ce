//! The schema `identity`: one file per aggregate, all of its SQL.

pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod governance;
pub(crate) mod invitations;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod oidc;
pub(crate) mod operators;
pub(crate) mod organisations;
pub(crate) mod people;
pub(crate) mod presets;
pub(crate) mod resets;
pub(crate) mod sessions;
pub(crate) mod workspaces;
