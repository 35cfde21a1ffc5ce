//! What content filters did, in the public shape of a stage of `openrouter_metadata.pipeline`.

use content_filter::{Action, Finding, Findings, Slug};
use serde_json::{Value, json};

/// What became of a request.
pub(super) const fn done(action: Action) -> &'static str {
    match action {
        Action::Flag => "flagged",
        Action::Redact => "redacted",
        Action::Block => "blocked",
    }
}

/// A stage for what was found of content, and one for injected instructions; each only where something was.
pub(super) fn of(findings: &Findings) -> Vec<Value> {
    let (injected, content): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.slug == Some(Slug::RegexPromptInjection));
    let stages = [of_content(&content), of_injected(&injected)];
    stages.into_iter().flatten().collect()
}

fn of_content(found: &[&Finding]) -> Option<Value> {
    let action = done(found.iter().map(|finding| finding.action).max()?);
    let kinds: Vec<&str> = found.iter().map(|finding| kind(&finding.label)).collect();
    let summary = format!("Content {action} ({})", kinds.join(", "));
    let data =
        json!({"action": action, "flagged": true, "engines": ["regex"], "matched_entity_types": kinds});
    Some(json!({"type": "guardrail", "name": "content-filter", "summary": summary, "data": data}))
}

fn of_injected(found: &[&Finding]) -> Option<Value> {
    let action = done(found.iter().map(|finding| finding.action).max()?);
    let patterns: Vec<&str> = found.iter().flat_map(|finding| finding.wordings.iter().copied()).collect();
    let plural = if patterns.len() == 1 { "" } else { "s" };
    let summary = format!("Prompt injection {action} ({} pattern{plural} matched)", patterns.len());
    let data = json!({"action": action, "detected": true, "engines": ["regex"], "patterns": patterns});
    Some(json!({"type": "guardrail", "name": "regex_pi_detection", "summary": summary, "data": data}))
}

/// A label without its brackets.
fn kind(label: &str) -> &str {
    label.strip_prefix('[').and_then(|label| label.strip_suffix(']')).unwrap_or(label)
}
