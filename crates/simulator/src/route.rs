//! Which provider a path belongs to and what it asks for.

use http::Method;

use crate::dialect::{Dialect, GeminiPath};

/// The provider of paths that name none.
pub(crate) const DEFAULT_PROVIDER: &str = "default";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Chat(Dialect, Option<GeminiPath>),
    CountTokens(Dialect, Option<GeminiPath>),
    Embeddings,
    Models(Dialect),
    /// An admin call with the rest of its path.
    Admin(String),
    Health,
    Unknown(Option<Dialect>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) provider: String,
    /// Whether the path named the provider.
    pub(crate) named: bool,
    pub(crate) route: Route,
}

/// Reads `[/p/{provider}]/{dialect}/...`, `[/p/{provider}]/_admin/...` and `/healthz`.
pub(crate) fn route(method: &Method, path: &str, query: &str) -> Target {
    let path = path.trim_start_matches('/');
    let (provider, rest) = match path.strip_prefix("p/").and_then(|rest| rest.split_once('/')) {
        Some((name, rest)) => (Some(decoded(name)), rest),
        None => (None, path),
    };
    let named = provider.is_some();
    let mut provider = provider.unwrap_or_else(|| DEFAULT_PROVIDER.to_owned());
    let (head, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let route = match (head, Dialect::named(head)) {
        ("_admin", _) => Route::Admin(decoded(rest)),
        ("healthz", _) => Route::Health,
        (_, Some(dialect)) => dialect_route(dialect, method, rest, query),
        _ => Route::Unknown(None),
    };
    // Ollama's other face keeps its own habits.
    if head == "ollama" && !named && matches!(route, Route::Chat(Dialect::OpenAi, _)) {
        provider = "ollama".to_owned();
    }
    Target { provider, named, route }
}

fn dialect_route(dialect: Dialect, method: &Method, rest: &str, query: &str) -> Route {
    let posted = method == Method::POST;
    let ends = |end: &str| rest == end || rest.ends_with(&format!("/{end}"));
    match dialect {
        Dialect::OpenAi | Dialect::Ollama if posted && ends("chat/completions") => {
            Route::Chat(Dialect::OpenAi, None)
        }
        Dialect::OpenAi if posted && ends("embeddings") => Route::Embeddings,
        Dialect::OpenAi | Dialect::Anthropic if !posted && ends("models") => Route::Models(dialect),
        Dialect::Anthropic if posted && ends("messages") => Route::Chat(dialect, None),
        Dialect::Anthropic if posted && ends("messages/count_tokens") => Route::CountTokens(dialect, None),
        Dialect::Gemini => gemini(posted, rest, query),
        Dialect::Ollama if posted && rest == "api/chat" => Route::Chat(dialect, None),
        Dialect::Ollama if !posted && rest == "api/tags" => Route::Models(dialect),
        _ => Route::Unknown(Some(dialect)),
    }
}

/// `{version}/models/{model}:{method}`.
fn gemini(posted: bool, rest: &str, query: &str) -> Route {
    let unknown = Route::Unknown(Some(Dialect::Gemini));
    let Some((_, rest)) = rest.split_once('/') else { return unknown };
    if !posted {
        return if rest == "models" { Route::Models(Dialect::Gemini) } else { unknown };
    }
    let Some((model, method)) = rest.strip_prefix("models/").and_then(|rest| rest.rsplit_once(':')) else {
        return unknown;
    };
    let stream = method == "streamGenerateContent";
    let events = query.split('&').any(|pair| pair == "alt=sse");
    let path = Some(GeminiPath { model: decoded(model), stream, events });
    match method {
        "generateContent" | "streamGenerateContent" => Route::Chat(Dialect::Gemini, path),
        "countTokens" => Route::CountTokens(Dialect::Gemini, path),
        _ => unknown,
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

    #[test]
    fn paths_name_provider_dialect_and_model() {
        let chat = Route::Chat(Dialect::OpenAi, None);
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
        let path = GeminiPath { model: "a/b".to_owned(), stream: true, events: true };
        assert_eq!(
            post("/gemini/v1beta/models/a%2Fb:streamGenerateContent").route,
            Route::Chat(Dialect::Gemini, Some(path))
        );
        let admin = route(&Method::PUT, "/p/x/_admin/faults/a/b%20c", "");
        assert_eq!(admin.route, Route::Admin("faults/a/b c".to_owned()));
        assert!(admin.named);
        assert_eq!(post("/anthropic/v2").route, Route::Unknown(Some(Dialect::Anthropic)));
    }
}
