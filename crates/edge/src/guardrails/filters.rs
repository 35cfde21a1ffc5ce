//! The content filters of guardrails in a request's way: what they find is flagged, taken out, or reason to refuse
//! the request, before anything else looks at it.
//!
//! Nothing that was found is logged, counted or told; filters are, by their labels.

mod stages;

use bytes::Bytes;
use content_filter::{Action, Finding, Findings, Screened, Slug, Unreadable};
use dialect::client::{Dialect, Peek};
use dialect::error::{BadRequest, ErrorType};
use serde_json::Value;

pub(crate) use content_filter::{BadPattern, FilterConfig, Filters};

use crate::admission;
use crate::auth::Context;
use crate::http::reply::Refusal;
use crate::service::App;

/// Bytes of a body above which it is searched on the blocking pool: well below a millisecond.
const LONG: usize = 16 * 1024;

/// A request that may go on.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) body: Bytes,
    pub(crate) peek: Peek,
    /// What was done, as stages of `openrouter_metadata.pipeline`; empty where nothing was found.
    pub(crate) pipeline: Vec<Value>,
}

/// A request that may not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("a content filter refuses the request")]
    Blocked {
        findings: Findings,
        /// The model as the body names it.
        model: String,
    },
    #[error("the request cannot be searched")]
    Unreadable(#[source] Unreadable),
    #[error("the request cannot be read with its content redacted: {}", .0.message)]
    Broken(BadRequest),
    #[error("the search broke off")]
    BrokenOff,
}

impl Stopped {
    /// What the client sees of it; `asked` is the model as it wrote it, and its data region, where it wants to be told
    /// of its routing.
    pub(crate) fn refusal(self, asked: Option<(Option<&str>, &str)>) -> Refusal {
        match self {
            Self::Blocked { findings, model } => {
                let told = asked.map(|(requested, region)| {
                    admission::blocked(requested.unwrap_or(&model), region, &stages::of(&findings))
                });
                blocked(&findings).with_metadata(told)
            }
            Self::Unreadable(Unreadable::Large) => {
                Refusal::new(ErrorType::PayloadTooLarge, format!("{}.", Unreadable::Large))
            }
            Self::Unreadable(error) => Refusal::new(
                ErrorType::InvalidRequest,
                format!("{error}; content filters apply to this key."),
            ),
            Self::Broken(refusal) => Refusal::new(
                refusal.error_type,
                format!("With what content filters found taken out: {}", refusal.message),
            ),
            Self::BrokenOff => rpc::Fault::internal().into(),
        }
    }
}

/// Names the filter, never what it found.
fn blocked(findings: &Findings) -> Refusal {
    match findings.blocking() {
        Some(Finding { slug: Some(Slug::RegexPromptInjection), wordings, .. }) => {
            let message = "Request blocked: prompt injection patterns detected";
            Refusal::new(ErrorType::PermissionDenied, message).with_detail("patterns", wordings.clone())
        }
        other => {
            let label = other.map_or("", |finding| finding.label.as_str());
            let message = format!("Request blocked by content filter: {label}");
            Refusal::new(ErrorType::PermissionDenied, message)
        }
    }
}

/// Puts a request through the filters of its key. Those without any carry nothing of it.
///
/// # Errors
/// [`Stopped`] when it may not go on.
pub(crate) async fn screen(
    app: &App,
    caller: &Context,
    dialect: Dialect,
    body: Bytes,
    peek: Peek,
) -> Result<Passed, Stopped> {
    let filters = &caller.governance.guardrails.filters;
    if filters.is_empty() {
        return Ok(Passed { body, peek, pipeline: Vec::new() });
    }
    Box::pin(pass(app, filters, dialect, body, peek)).await
}

async fn pass(
    app: &App,
    filters: &Filters,
    dialect: Dialect,
    body: Bytes,
    peek: Peek,
) -> Result<Passed, Stopped> {
    let (screened, body) = search(filters, body).await?;
    let Some(action) = screened.findings.iter().map(|finding| finding.action).max() else {
        return Ok(Passed { body, peek, pipeline: Vec::new() });
    };
    app.metrics.filtered(stages::done(action));
    if action == Action::Block {
        app.metrics.denied("content_filter");
        let model = peek.models.into_iter().next().unwrap_or_default();
        return Err(Stopped::Blocked { findings: screened.findings, model });
    }
    let pipeline = stages::of(&screened.findings);
    match screened.body.map(Bytes::from) {
        None => Ok(Passed { body, peek, pipeline }),
        Some(body) => {
            // What a request is held to be, above all its size, is that of what goes on.
            let peek = dialect.peek(&body).map_err(Stopped::Broken)?;
            Ok(Passed { body, peek, pipeline })
        }
    }
}

/// Searches a body; on the blocking pool when it is long, or when the patterns are not ours.
async fn search(filters: &Filters, body: Bytes) -> Result<(Screened, Bytes), Stopped> {
    let screened = if body.len() <= LONG && !filters.has_patterns() {
        filters.apply(&body)
    } else {
        let (filters, body) = (filters.clone(), body.clone());
        tokio::task::spawn_blocking(move || filters.apply(&body)).await.map_err(|_| Stopped::BrokenOff)?
    };
    Ok((screened.map_err(Stopped::Unreadable)?, body))
}

#[cfg(test)]
mod tests;
