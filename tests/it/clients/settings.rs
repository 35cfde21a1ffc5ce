//! What a script of checks is told: where the platform is, an account of its own, and the models.

use serde_json::{Value, json};
use testkit::Platform;

use crate::{free_model, root};

/// Dear models reserve much for long answers.
const CREDIT: &str = "100000";

/// # Errors
/// When the platform refuses to make the account.
pub(super) async fn of(platform: &Platform) -> anyhow::Result<Value> {
    free_model::price(platform).await?;
    let targets = std::fs::read_to_string(root().join("tests/clients/targets.json"))?;
    let targets: Value = serde_json::from_str(&targets)?;
    let organisation = platform.admin.organisation(CREDIT).await?;
    let other = platform.admin.organisation("0").await?;
    let api_base = platform.dev.api_base.trim_end_matches('/');
    Ok(json!({
        "api_base": api_base,
        "anthropic_base": api_base.trim_end_matches("/v1"),
        "api_key": organisation.api_key,
        "management_key": organisation.management_key,
        "other_management_key": other.management_key,
        "member": platform.member(&organisation).await?,
        "targets": targets,
    }))
}
