//! Providers of the catalogue, as far as credentials for them are concerned.

use rpc::Fault;
use rpc::router::DescribeCatalogueRequest;
use rpc::router::router_client::RouterClient;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::reply::Refusal;
use crate::service::App;

/// A provider of the catalogue.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Provider {
    pub(crate) slug: String,
    pub(crate) dialect: String,
    /// May have names in braces that its endpoints or a credential fill in.
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) quirks: Map<String, Value>,
}

impl Provider {
    /// The provider that goes by this slug.
    ///
    /// # Errors
    /// [`Refusal`] when the router cannot be asked.
    pub(crate) async fn find(app: &App, slug: &str) -> Result<Option<Self>, Refusal> {
        #[derive(Deserialize)]
        struct Answer {
            data: Provider,
        }
        // Without a name the router describes all of them.
        if slug.is_empty() {
            return Ok(None);
        }
        let message = DescribeCatalogueRequest {
            resource: "providers".to_owned(),
            name: slug.to_owned(),
            ..DescribeCatalogueRequest::default()
        };
        let asked = rpc::retry(3, || {
            let mut router =
                RouterClient::new(app.router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
            let message = message.clone();
            async move { router.describe_catalogue(message).await }
        })
        .await;
        let body = match asked {
            Ok(answer) => answer.into_inner().body_json,
            Err(status) if Fault::from_status(&status).status == 404 => return Ok(None),
            Err(status) => return Err(status.into()),
        };
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            tracing::error!(%error, "the router describes a provider in words of its own");
            Fault::internal()
        })?;
        Ok(Some(answer.data))
    }

    /// The names that a credential must fill in: those in the provider's address, and in the paths of its dialect, that
    /// the provider itself leaves open.
    pub(crate) fn places(&self) -> Vec<&'static str> {
        let is_in_path = |name: &str| self.dialect == "vertex" && matches!(name, "location" | "project");
        let is_open = |name: &&str| {
            (self.base_url.contains(&format!("{{{name}}}")) || is_in_path(name))
                && !self.quirks.get(*name).is_some_and(Value::is_string)
        };
        ["resource", "region", "location", "project"].into_iter().filter(is_open).collect()
    }
}
