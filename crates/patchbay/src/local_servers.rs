//! Models on this machine: Ollama or vLLM, found and put into the catalogue at no price.

use std::time::Duration;

use rpc::Channel;
use rpc::pricing::{PriceVersion, Rates};
use rpc::router::router_client::RouterClient;
use rpc::router::{DescribeCatalogueRequest, PutEndpointRequest, PutModelRequest, PutProviderRequest};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

/// Where Ollama listens unless told otherwise.
const OLLAMA: &str = "127.0.0.1:11434";
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// What such servers take at least; they do not say.
const CONTEXT: u64 = 32_768;
const PARAMETERS: [&str; 9] = [
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "tools",
    "tool_choice",
    "response_format",
    "structured_outputs",
];
const ACTOR: &str = "dev";

/// A server that answered, with the models it has.
pub(crate) struct LocalServer {
    /// The provider's.
    pub(crate) slug: &'static str,
    name: &'static str,
    pub(crate) base_url: String,
    models: Vec<String>,
}

impl LocalServer {
    /// One line for the person at the terminal.
    pub(crate) fn describe(&self) -> String {
        let models: Vec<String> = self.models.iter().map(|model| self.model(model)).collect();
        format!("{} at {}: {}", self.name, self.base_url, models.join(", "))
    }

    /// The name under which a model is called: `llama3.2:1b` becomes `ollama/llama3.2-1b`.
    fn model(&self, model: &str) -> String {
        let plain = model.trim_end_matches(":latest").to_lowercase();
        let plain: String = plain
            .chars()
            .map(|c| if matches!(c, ':' | '/') || c.is_whitespace() { '-' } else { c })
            .collect();
        format!("{}/{plain}", self.slug)
    }
}

/// The servers that answer: Ollama at `OLLAMA_HOST` or its usual port, vLLM at `VLLM_BASE_URL`.
pub(crate) async fn find() -> Vec<LocalServer> {
    let ollama = lifecycle::foreign_variable("OLLAMA_HOST");
    let ollama = base_of_ollama(ollama.as_ref().map_or(OLLAMA, |host| host.expose_secret()));
    let vllm = lifecycle::foreign_variable("VLLM_BASE_URL");
    let vllm = vllm.map(|base| base.expose_secret().trim_end_matches('/').to_owned());
    let candidates = [("ollama", "Ollama", Some(ollama), "/v1"), ("vllm", "vLLM", vllm, "")];
    let mut found = Vec::new();
    for (slug, name, base_url, lists) in candidates {
        let Some(base_url) = base_url else { continue };
        match models(&format!("{base_url}{lists}")).await {
            Some(models) if !models.is_empty() => found.push(LocalServer { slug, name, base_url, models }),
            _ => {}
        }
    }
    found
}

/// `OLLAMA_HOST` is written in many ways: a host, a host and port, a URL.
fn base_of_ollama(host: &str) -> String {
    let host = host.trim_end_matches('/');
    let (scheme, rest) = host.split_once("://").unwrap_or(("http", host));
    let rest = if rest.contains(':') { rest.to_owned() } else { format!("{rest}:11434") };
    // A server that listens everywhere is reached here.
    format!("{scheme}://{}", rest.replace("0.0.0.0:", "127.0.0.1:"))
}

async fn models(base_url: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Model>,
    }
    #[derive(Deserialize)]
    struct Model {
        id: String,
    }
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().ok()?;
    let list: List = client.get(format!("{base_url}/models")).send().await.ok()?.json().await.ok()?;
    Some(list.data.into_iter().map(|model| model.id).collect())
}

/// Puts a server and its models into the catalogue. What the shipped catalogue has of them is left to the
/// seed, which points it at the server.
pub(crate) async fn register(router: &Channel, server: &LocalServer) -> Result<(), tonic::Status> {
    let mut router = RouterClient::new(router.clone()).max_decoding_message_size(rpc::MAX_MESSAGE);
    if !router::known_providers().is_ok_and(|known| known.iter().any(|one| one.slug == server.slug)) {
        router.put_provider(server.provider()).await?;
    }
    for id in &server.models {
        let model = server.model(id);
        let known = DescribeCatalogueRequest { model, ..DescribeCatalogueRequest::default() };
        if router.describe_catalogue(known).await.is_ok() {
            continue;
        }
        router.put_model(server.put_model(id)).await?;
        router.put_endpoint(server.put_endpoint(id)).await?;
    }
    Ok(())
}

impl LocalServer {
    fn provider(&self) -> PutProviderRequest {
        PutProviderRequest {
            slug: self.slug.to_owned(),
            name: self.name.to_owned(),
            base_url: self.base_url.clone(),
            dialect: "openai".to_owned(),
            // What clients link to is fetched under our rules and not by a server in our own network.
            quirks_json:
                r#"{"media_urls":"inline","developer_role":"system","send_reasoning_back":"reasoning"}"#
                    .to_owned(),
            cancel_stops_billing: Some(true),
            actor: ACTOR.to_owned(),
            ..PutProviderRequest::default()
        }
    }

    fn put_model(&self, id: &str) -> PutModelRequest {
        PutModelRequest {
            slug: self.model(id),
            name: format!("{}: {id}", self.name),
            context_length: CONTEXT,
            input_modalities: vec!["text".to_owned()],
            output_modalities: vec!["text".to_owned()],
            supported_parameters: PARAMETERS.map(str::to_owned).to_vec(),
            actor: ACTOR.to_owned(),
            ..PutModelRequest::default()
        }
    }

    fn put_endpoint(&self, id: &str) -> PutEndpointRequest {
        PutEndpointRequest {
            model: self.model(id),
            provider: self.slug.to_owned(),
            provider_model: id.to_owned(),
            tag: self.slug.to_owned(),
            context_length: CONTEXT,
            price: Some(PriceVersion { base: Some(Rates::default()), ..PriceVersion::default() }),
            actor: ACTOR.to_owned(),
            ..PutEndpointRequest::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_the_host_is_read() {
        for (written, base) in [
            ("127.0.0.1:11434", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("http://box:8000/", "http://box:8000"),
            ("https://box", "https://box:11434"),
        ] {
            assert_eq!(base_of_ollama(written), base);
        }
    }

    #[test]
    fn a_model_gets_a_name_without_separators() {
        let server = LocalServer { slug: "ollama", name: "", base_url: String::new(), models: Vec::new() };
        assert_eq!(server.model("llama3.2:latest"), "ollama/llama3.2");
        assert_eq!(server.model("Qwen/Qwen3:8B"), "ollama/qwen-qwen3-8b");
    }
}
