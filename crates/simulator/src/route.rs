//! Which provider a path belongs to and what it asks for.

mod google;

use http::Method;

use crate::dialect::Dialect;
use crate::stripe;

/// The provider of paths that name none.
pub(crate) const DEFAULT_PROVIDER: &str = "default";

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Chat,
    Embeddings,
    /// Vertex's prediction: embeddings or pictures, as the model is.
    Predict,
    Rerank,
    Images,
    ImageEdits,
    Speech,
    Transcriptions,
}

impl Operation {
    /// Its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Predict => "predict",
            Self::Rerank => "rerank",
            Self::Images => "images",
            Self::ImageEdits => "image_edits",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
        }
    }
}

/// Whose house a model is served in: its maker's or a cloud's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Host {
    #[default]
    Own,
    Vertex,
    Bedrock,
}

/// What the URL says, which is in the body elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Address {
    pub(crate) host: Host,
    pub(crate) model: Option<String>,
    pub(crate) stream: bool,
    /// A stream as one JSON array rather than server-sent events.
    pub(crate) array: bool,
    /// The last word of a Google or Amazon path.
    pub(crate) method: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Something that a model does.
    Work(Dialect, Operation, Address),
    CountTokens(Dialect, Address),
    Models(Dialect),
    /// Google's exchange of a signed assertion for an access token.
    Token,
    /// An admin call with the rest of its path.
    Admin(String),
    Health,
    /// Something of the payment processor; it reads the path itself.
    Stripe,
    Unknown(Option<Dialect>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) provider: String,
    /// Whether the path named the provider.
    pub(crate) named: bool,
    pub(crate) route: Route,
}

/// Reads `[/p/{provider}]/{dialect}/...`, `[/p/{provider}]/oauth/token`, `[/p/{provider}]/_admin/...` and
/// `/healthz`.
pub(crate) fn route(method: &Method, path: &str, query: &str) -> Target {
    let path = path.trim_start_matches('/');
    let (provider, rest) = match path.strip_prefix("p/").and_then(|rest| rest.split_once('/')) {
        Some((name, rest)) => (Some(decoded(name)), rest),
        None => (None, path),
    };
    let named = provider.is_some();
    let mut provider = provider.unwrap_or_else(|| DEFAULT_PROVIDER.to_owned());
    let (head, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let asked = Asked { posted: method == Method::POST, rest, query };
    let route = match head {
        "_admin" => Route::Admin(decoded(rest)),
        "healthz" => Route::Health,
        head if !named && stripe::HEADS.contains(&head) => Route::Stripe,
        "openai" => asked.openai(),
        "anthropic" => asked.anthropic(),
        "gemini" => asked.gemini(),
        "vertex" => asked.vertex(),
        "mistral" => asked.mistral(),
        "cohere" => asked.cohere(),
        "bedrock" => asked.bedrock(),
        "ollama" => asked.ollama(),
        "oauth" if asked.posted && rest == "token" => Route::Token,
        _ => Route::Unknown(None),
    };
    // Ollama's other face keeps its own habits.
    if head == "ollama" && !named && matches!(route, Route::Work(Dialect::OpenAi, ..)) {
        provider = "ollama".to_owned();
    }
    Target { provider, named, route }
}

/// A path below its dialect.
struct Asked<'a> {
    posted: bool,
    rest: &'a str,
    query: &'a str,
}

impl Asked<'_> {
    fn ends(&self, end: &str) -> bool {
        self.rest == end || self.rest.strip_suffix(end).is_some_and(|head| head.ends_with('/'))
    }

    fn work(&self, ends: &[(&str, Dialect, Operation)]) -> Option<Route> {
        let found = ends.iter().find(|(end, ..)| self.posted && self.ends(end))?;
        Some(Route::Work(found.1, found.2, Address::default()))
    }

    fn models(&self, dialect: Dialect) -> Route {
        if !self.posted && self.ends("models") {
            Route::Models(dialect)
        } else {
            Route::Unknown(Some(dialect))
        }
    }

    fn openai(&self) -> Route {
        let work = self.work(&[
            ("chat/completions", Dialect::OpenAi, Operation::Chat),
            ("completions", Dialect::Completions, Operation::Chat),
            ("responses", Dialect::Responses, Operation::Chat),
            ("embeddings", Dialect::OpenAi, Operation::Embeddings),
            ("images/generations", Dialect::OpenAi, Operation::Images),
            ("images/edits", Dialect::OpenAi, Operation::ImageEdits),
            ("audio/speech", Dialect::OpenAi, Operation::Speech),
            ("audio/transcriptions", Dialect::OpenAi, Operation::Transcriptions),
            // Some OpenAI-shaped hosts rank too, in Cohere's shape.
            ("rerank", Dialect::Cohere, Operation::Rerank),
        ]);
        // Azure names the deployment in the path, and the body need not.
        let deployment = self.rest.split_once("deployments/").and_then(|(_, rest)| rest.split_once('/'));
        match (work, deployment) {
            (Some(Route::Work(dialect, operation, address)), Some((name, _))) => {
                Route::Work(dialect, operation, Address { model: Some(decoded(name)), ..address })
            }
            (Some(work), _) => work,
            (None, _) => self.models(Dialect::OpenAi),
        }
    }

    fn anthropic(&self) -> Route {
        if self.posted && self.ends("messages/count_tokens") {
            return Route::CountTokens(Dialect::Anthropic, Address::default());
        }
        let work = self.work(&[("messages", Dialect::Anthropic, Operation::Chat)]);
        work.unwrap_or_else(|| self.models(Dialect::Anthropic))
    }

    fn mistral(&self) -> Route {
        let work = self.work(&[
            ("chat/completions", Dialect::Mistral, Operation::Chat),
            ("embeddings", Dialect::Mistral, Operation::Embeddings),
        ]);
        work.unwrap_or_else(|| self.models(Dialect::Mistral))
    }

    fn cohere(&self) -> Route {
        let work = self.work(&[
            ("chat", Dialect::Cohere, Operation::Chat),
            ("embed", Dialect::Cohere, Operation::Embeddings),
            ("rerank", Dialect::Cohere, Operation::Rerank),
        ]);
        work.unwrap_or_else(|| self.models(Dialect::Cohere))
    }

    fn ollama(&self) -> Route {
        let work = self.work(&[
            ("api/chat", Dialect::Ollama, Operation::Chat),
            ("api/embed", Dialect::Ollama, Operation::Embeddings),
            ("api/embeddings", Dialect::Ollama, Operation::Embeddings),
            ("v1/chat/completions", Dialect::OpenAi, Operation::Chat),
            ("v1/completions", Dialect::Completions, Operation::Chat),
            ("v1/responses", Dialect::Responses, Operation::Chat),
            ("v1/embeddings", Dialect::OpenAi, Operation::Embeddings),
            ("v1/messages", Dialect::Anthropic, Operation::Chat),
        ]);
        match work {
            Some(work) => work,
            None if !self.posted && self.rest == "api/tags" => Route::Models(Dialect::Ollama),
            None if !self.posted && self.rest == "v1/models" => Route::Models(Dialect::OpenAi),
            None => Route::Unknown(Some(Dialect::Ollama)),
        }
    }

    /// `model/{id}/{method}`.
    fn bedrock(&self) -> Route {
        let unknown = Route::Unknown(Some(Dialect::Bedrock));
        let Some((model, method)) = self.rest.strip_prefix("model/").and_then(|rest| rest.rsplit_once('/'))
        else {
            return unknown;
        };
        let model = decoded(model);
        let claude = model.contains("anthropic") || model.contains("claude");
        let (dialect, operation) = match method {
            "converse" | "converse-stream" => (Dialect::Bedrock, Operation::Chat),
            // In the words of the model's maker.
            "invoke" | "invoke-with-response-stream" if claude => (Dialect::Invoke, Operation::Chat),
            "invoke" => (Dialect::Bedrock, Operation::Embeddings),
            _ => return unknown,
        };
        let address = Address {
            host: Host::Bedrock,
            model: Some(model),
            stream: method.ends_with("stream"),
            array: false,
            method: method.to_owned(),
        };
        if self.posted { Route::Work(dialect, operation, address) } else { unknown }
    }
}

/// A path or query part without its percent signs.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok()))
            .flatten();
        plain.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str) -> Target {
        route(&Method::POST, path, "alt=sse")
    }

    fn work(path: &str) -> (Dialect, Operation, Address) {
        match post(path).route {
            Route::Work(dialect, operation, address) => (dialect, operation, address),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_name_provider_dialect_and_model() {
        let chat = Route::Work(Dialect::OpenAi, Operation::Chat, Address::default());
        for path in [
            "/openai/chat/completions",
            "/openai/v1/chat/completions",
            "/openai/inference/v1/chat/completions",
        ] {
            assert_eq!(
                post(path),
                Target { provider: "default".to_owned(), named: false, route: chat.clone() }
            );
        }
        assert_eq!(post("/p/groq/openai/v1/chat/completions").provider, "groq");
        assert_eq!(post("/ollama/v1/chat/completions").provider, "ollama");
        let admin = route(&Method::PUT, "/p/x/_admin/faults/a/b%20c", "");
        assert_eq!(admin.route, Route::Admin("faults/a/b c".to_owned()));
        assert!(admin.named);
        assert_eq!(post("/anthropic/v2").route, Route::Unknown(Some(Dialect::Anthropic)));
    }

    #[test]
    fn operations_are_told_apart() {
        let named = |path: &str| {
            let (dialect, operation, _) = work(path);
            (dialect, operation)
        };
        assert_eq!(named("/openai/v1/completions"), (Dialect::Completions, Operation::Chat));
        assert_eq!(named("/openai/v1/responses"), (Dialect::Responses, Operation::Chat));
        assert_eq!(named("/p/m/mistral/v1/embeddings"), (Dialect::Mistral, Operation::Embeddings));
        assert_eq!(named("/cohere/v2/rerank"), (Dialect::Cohere, Operation::Rerank));
        let azure = work("/p/azure/openai/openai/deployments/my%20gpt/chat/completions").2;
        assert_eq!(azure.model.as_deref(), Some("my gpt"));
    }

    #[test]
    fn clouds_name_the_model_in_the_path() {
        let (dialect, operation, address) =
            work("/p/b/bedrock/model/us.anthropic.claude-haiku-4-5-v1%3A0/converse-stream");
        assert_eq!((dialect, operation, address.stream), (Dialect::Bedrock, Operation::Chat, true));
        assert_eq!(address.model.as_deref(), Some("us.anthropic.claude-haiku-4-5-v1:0"));
        let (dialect, operation, address) =
            work("/bedrock/model/anthropic.claude-haiku-4-5-v1%3A0/invoke-with-response-stream");
        assert_eq!((dialect, operation, address.stream), (Dialect::Invoke, Operation::Chat, true));
        let (dialect, _, address) = work("/gemini/v1beta/models/a%2Fb:streamGenerateContent");
        assert_eq!((dialect, address.model.as_deref()), (Dialect::Gemini, Some("a/b")));
        assert!(address.stream && !address.array && address.host == Host::Own);
        let vertex = "/p/v/vertex/v1/projects/p/locations/global";
        let (dialect, _, address) =
            work(&format!("{vertex}/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict"));
        assert_eq!((dialect, address.host), (Dialect::Anthropic, Host::Vertex));
        assert!(address.stream && address.model.as_deref() == Some("claude-haiku-4-5@20251001"));
        let (dialect, operation, _) =
            work(&format!("{vertex}/publishers/google/models/text-embedding-005:predict"));
        assert_eq!((dialect, operation), (Dialect::Gemini, Operation::Predict));
        let own = format!("{vertex}/endpoints/123:streamGenerateContent");
        assert_eq!(work(&own).2.model.as_deref(), Some("123"));
        let bare =
            "/vertex/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent";
        assert_eq!(work(bare).2.model.as_deref(), Some("gemini-2.5-flash"));
        assert_eq!(work(&format!("{vertex}/endpoints/openapi/chat/completions")).0, Dialect::OpenAi);
    }
}
