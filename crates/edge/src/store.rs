//! The schema `identity`: one file per aggregate, all of its SQL.

pub(crate) mod admin_answers;
pub(crate) mod analytics;
pub(crate) mod answers;
pub(crate) mod audit;
pub(crate) mod auth_codes;
pub(crate) mod ceilings;
pub(crate) mod changes;
pub(crate) mod credentials;
pub(crate) mod destinations;
pub(crate) mod erasures;
pub(crate) mod exchanges;
pub(crate) mod feedback;
pub(crate) mod flags;
pub(crate) mod governance;
pub(crate) mod guardrails;
pub(crate) mod invitations;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod makers;
pub(crate) mod members;
pub(crate) mod oidc;
pub(crate) mod operators;
pub(crate) mod organisations;
pub(crate) mod people;
pub(crate) mod presets;
pub(crate) mod resets;
pub(crate) mod sessions;
pub(crate) mod tenant_keys;
pub(crate) mod traces;
pub(crate) mod workspaces;

use sqlx::PgPool;

/// The version of the database's server.
pub(crate) async fn server_version(pool: &PgPool) -> Result<String, sqlx::Error> {
    sqlx::query_scalar!(r#"select current_setting('server_version') as "version!""#).fetch_one(pool).await
}
