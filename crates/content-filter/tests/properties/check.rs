//! What holds of any body, for any filters: a fuzz target and the property tests share it.

#![allow(unreachable_pub, reason = "the fuzz targets use it from outside")]

use content_filter::{FilterConfig, Filters};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// Filters by a number.
pub fn filters(choice: u8) -> Filters {
    let slugs = [
        "email",
        "phone",
        "ssn",
        "credit-card",
        "ip-address",
        "person-name",
        "address",
        "regex-prompt-injection",
    ];
    let builtin: Vec<Value> = slugs
        .iter()
        .enumerate()
        .filter(|(place, _)| choice & 0x80 == 0 || usize::from(choice & 7) == *place)
        .map(|(_, slug)| json!({"slug": slug, "action": "redact"}))
        .collect();
    let custom = match choice >> 3 & 3 {
        0 => json!([]),
        1 => json!([{"pattern": r"sk-[a-z0-9]{4,}", "action": "redact", "label": "[API_KEY]"}]),
        2 => json!([{"pattern": "[A-Z]{2,}", "action": "redact"}, {"pattern": r"\w+@", "action": "flag"}]),
        _ => json!([{"pattern": r"[^a-z\s]+", "action": "redact", "label": "ab"}]),
    };
    let config = json!({"content_filter_builtins": builtin, "content_filters": custom});
    let config: FilterConfig = serde_json::from_value(config).unwrap();
    Filters::build(&[config]).unwrap()
}

/// The first byte chooses the filters; the rest is a body, and a text in one.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let filters = filters(*choice);
    screen(&filters, rest);
    let text = String::from_utf8_lossy(rest);
    screen(&filters, json!({"messages": [{"role": "user", "content": text}]}).to_string().as_bytes());
}

/// What goes on is JSON, and nothing in it is found again.
pub fn screen(filters: &Filters, body: &[u8]) {
    let Ok(screened) = filters.apply(body) else { return };
    assert!(screened.findings.blocking().is_none());
    let Some(now) = screened.body else { return };
    assert!(!screened.findings.is_empty());
    serde_json::from_slice::<IgnoredAny>(&now).unwrap();
    let again = filters.apply(&now).unwrap();
    if let Some(again) = again.body {
        panic!("{:?} became {:?}", String::from_utf8_lossy(&now), String::from_utf8_lossy(&again));
    }
}
