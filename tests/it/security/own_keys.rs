//! Somebody who can write to the database, but has no master key, puts one tenant's credential into another's row.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;
use testkit::{Api, Dialect, Organisation, Platform, unique};

use super::{Site, patiently};

/// Far above the time after which an edge looks again.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How often what is refused has to be refused again.
const AGAIN: usize = 3;

pub(super) async fn a_credential_in_anothers_row_is_refused(site: &Site) -> anyhow::Result<()> {
    let platform = &site.platform;
    // Without an own key nobody is served.
    let members = json!({"credential": "test-invalid-credential"});
    let provider = platform.admin.provider_with(Dialect::OpenAi, &members).await?;
    let model = platform.admin.model(&[(&provider, "1", "1")]).await?;
    let mut organisations = Vec::new();
    for _ in 0..2 {
        let organisation = platform.admin.organisation("10").await?;
        let own =
            json!({"provider": provider.slug, "key": unique("own-0123456789-good"), "workspace_id": null});
        let api = platform.api_as(&organisation.management_key);
        let made = patiently(|| api.post("/byok", own.to_string())).await?;
        ensure!(made.status == 201, "{made:?}");
        organisations.push(organisation);
    }
    all(platform, &organisations, &model, true).await.context("at first")?;
    platform.swap_credentials(&organisations[0].id, &organisations[1].id).await?;
    all(platform, &organisations, &model, false).await.context("in the place of another")?;
    let asked = platform.simulator.calls(&provider).await?;
    for organisation in &organisations {
        for base in platform.api_bases() {
            for _ in 0..AGAIN {
                let reply = Api::new(&base, &organisation.api_key).ask(&model, "Say hello.").await?;
                ensure!(reply.status != 200 && !reply.body.to_string().contains("0123456789"), "{reply:?}");
            }
        }
    }
    let asked_since = platform.simulator.calls(&provider).await? - asked;
    eprintln!(
        "{} requests on swapped credentials were refused, {asked_since} asked the provider without them",
        4 * AGAIN
    );
    // It is the place that was wrong with them.
    platform.swap_credentials(&organisations[0].id, &organisations[1].id).await?;
    all(platform, &organisations, &model, true).await.context("back in their own places")
}

/// Waits until every edge serves each organisation, or none does.
async fn all(
    platform: &Platform,
    organisations: &[Organisation],
    model: &str,
    is_served: bool,
) -> anyhow::Result<()> {
    for organisation in organisations {
        for base in platform.api_bases() {
            let until = async {
                let api = Api::new(&base, &organisation.api_key);
                while (api.ask(model, "Say hello.").await?.status == 200) != is_served {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                anyhow::Ok(())
            };
            tokio::time::timeout(PATIENCE, until).await.context("it never comes to that")??;
        }
    }
    Ok(())
}
