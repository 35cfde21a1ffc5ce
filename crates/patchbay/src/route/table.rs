//! Decisions and comparisons as tables for people.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::say::aligned;

/// Reads a time, or a span before now, into RFC 3339.
pub(super) fn since(text: &str) -> Result<String, String> {
    let odd = || format!("`{text}` is neither a time, such as 2026-01-31T12:00:00Z, nor a span, such as 15m");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        // The platform reads it, and says what is wrong with it.
        _ if text.contains('T') => return Ok(text.to_owned()),
        _ => return Err(odd()),
    };
    let count: u64 = count.parse().map_err(|_| odd())?;
    let span = count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(odd)?;
    let then = SystemTime::now().checked_sub(span).ok_or_else(odd)?;
    Ok(chrono::DateTime::<chrono::Utc>::from(then).to_rfc3339())
}

/// A decision that was kept.
pub(super) fn decision(told: &Value) -> String {
    let mut out = String::new();
    let replay = if told["replay"]["identical"] == true {
        "what is kept leads to the same plan, byte for byte"
    } else {
        "what is kept leads to ANOTHER plan; see `replay` in --json"
    };
    let _ = writeln!(out, "generation  {}", text(&told["generation_id"]));
    let _ = writeln!(out, "decided at  {}", text(&told["at"]));
    let _ = writeln!(out, "replay      {replay}");
    out + &explanation(&told["explanation"])
}

/// What is considered, first what may serve, in order, then what may not.
pub(super) fn explanation(told: &Value) -> String {
    let mut out = String::new();
    let names: Vec<String> = items(&told["names"]).map(name).collect();
    let _ = writeln!(out, "asked for   {}", names.join(", "));
    if let Some(refused) = told.get("refused").filter(|refused| refused.is_object()) {
        let _ = writeln!(out, "refused     {}: {}", refused["status"], text(&refused["message"]));
    } else {
        let (strategy, order) = (text(&told["strategy"]), text(&told["order"]));
        let _ = writeln!(out, "strategy    {strategy}, in the order `{order}`");
    }
    let (version, seed) = (&told["catalogue_version"], text(&told["seed"]));
    let _ = writeln!(out, "made from   catalogue version {version}, seed {seed}\n");
    let mut rows = vec![
        ["place", "provider", "model", "usd/1M", "latency", "tok/s", "state", "reason"].map(str::to_owned),
    ];
    rows.extend(items(&told["endpoints"]).map(endpoint));
    out + &aligned(&rows)
}

fn name(told: &Value) -> String {
    let asked = text(&told["name"]);
    match (told["model"].as_str(), told["reason"].as_str()) {
        (Some(model), _) if model != asked => format!("{asked} -> {model}"),
        (None, Some(reason)) => format!("{asked} ({reason})"),
        _ => asked,
    }
}

fn endpoint(told: &Value) -> [String; 8] {
    let place = told["position"].as_u64().map_or_else(|| "-".to_owned(), |position| position.to_string());
    let number = |value: &Value, unit: &str| {
        value.as_f64().map_or_else(|| "-".to_owned(), |n| format!("{n:.0}{unit}"))
    };
    let mut notes: Vec<String> = told["reason"].as_str().map(str::to_owned).into_iter().collect();
    for (member, note) in [
        ("is_held", "holds the conversation"),
        ("misses_threshold", "misses a threshold"),
        ("is_byok", "own credential"),
    ] {
        if told[member] == true {
            notes.push(note.to_owned());
        }
    }
    if let Some(rank) = told["rank"].as_str().filter(|rank| *rank != "stable") {
        notes.push(rank.to_owned());
    }
    let provider = told["tag"].as_str().map_or_else(|| text(&told["provider"]), str::to_owned);
    [
        place,
        provider,
        text(&told["model"]),
        text(&told["price_per_million"]),
        number(&told["latency_ms"], " ms"),
        number(&told["throughput"], ""),
        text(&told["state"]),
        notes.join(", "),
    ]
}

/// What changed rules would change.
pub(super) fn report(told: &Value) -> String {
    let mut out = String::new();
    let cut = if told["is_cut"] == true { " (there may be more: see --limit)" } else { "" };
    let _ = writeln!(out, "decisions made again   {}{cut}", told["decisions"]);
    let _ = writeln!(out, "first choice changed   {}", told["first_choice_changed"]);
    let _ = writeln!(out, "order changed          {}", told["order_changed"]);
    if told["unreadable"].as_u64().is_some_and(|count| count > 0) {
        let _ = writeln!(out, "not readable           {}", told["unreadable"]);
    }
    for unmatched in items(&told["unmatched"]) {
        let _ = writeln!(out, "nothing there was for  {}", text(unmatched));
    }
    let sides = |title: &str, both: &Value, show: &dyn Fn(&Value) -> String| {
        [title.to_owned(), show(&both["before"]), show(&both["after"])]
    };
    let latency = |value: &Value| value.as_f64().map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let rows = [
        ["".to_owned(), "before".to_owned(), "after".to_owned()],
        sides("refused", &told["refused"], &text),
        sides("cost, estimated", &told["estimated_cost_nanos"], &usd),
        sides("latency p50, estimated", &told["estimated_latency_p50_ms"], &latency),
    ];
    out = out + "\n" + &aligned(&rows);
    for (member, title) in [("providers", "provider"), ("models", "model")] {
        let heads = [title, "share before", "after", "cost before", "after"].map(str::to_owned);
        let rows: Vec<[String; 5]> =
            std::iter::once(heads).chain(items(&told[member]).map(|row| share(row, title))).collect();
        out = out + "\n" + &aligned(&rows);
    }
    let examples: Vec<String> = items(&told["examples"]).take(5).map(example).collect();
    if !examples.is_empty() {
        out = out + "\nfor example\n" + &examples.join("\n") + "\n";
    }
    out
}

fn share(row: &Value, title: &str) -> [String; 5] {
    let percent = |side: &Value| {
        side["share"].as_f64().map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
    };
    let cost = |side: &Value| usd(&side["estimated_cost_nanos"]);
    let (before, after) = (&row["before"], &row["after"]);
    [text(&row[title]), percent(before), percent(after), cost(before), cost(after)]
}

fn example(told: &Value) -> String {
    let side = |side: &Value| match side["refused"].as_str() {
        Some(code) => format!("refused ({code})"),
        None => format!("{} at {}", text(&side["model"]), text(&side["tag"])),
    };
    format!("  {}  {} -> {}", text(&told["generation_id"]), side(&told["before"]), side(&told["after"]))
}

/// Nano-USD as USD, exact.
fn usd(nanos: &Value) -> String {
    let Some(nanos) = nanos.as_str().and_then(|text| text.parse::<i128>().ok()) else {
        return "-".to_owned();
    };
    let (whole, rest) = (nanos / 1_000_000_000, (nanos % 1_000_000_000).abs());
    let decimals = format!("{rest:09}");
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() { format!("${whole}") } else { format!("${whole}.{decimals}") }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_and_spans_are_told_apart() {
        assert_eq!(since("2026-01-31T12:00:00Z").unwrap(), "2026-01-31T12:00:00Z");
        assert!(since("90s").unwrap() > since("2h").unwrap());
        for odd in ["", "h", "1w", "1 h", "-1h", "yesterday", "99999999999999999999d"] {
            assert!(since(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn money_is_exact() {
        assert_eq!((usd(&json!("2475000")), usd(&json!("0"))), ("$0.002475".into(), "$0".into()));
        assert_eq!(usd(&json!("12000000000")), "$12");
    }

    #[test]
    fn an_explanation_tells_of_every_endpoint_and_a_refusal_why() {
        let told = explanation(&json!({
            "names": [{ "name": "a/m:nitro", "model": "a/m" }, { "name": "no/body", "reason": "unknown_model" }],
            "strategy": "direct", "order": "throughput", "catalogue_version": 7, "seed": "1",
            "endpoints": [
                { "position": 1, "tag": "one/fast", "model": "a/m", "price_per_million": "2.5", "latency_ms": 310.0,
                  "throughput": 50.0, "state": "closed", "rank": "stable", "is_held": true },
                { "tag": "two", "model": "a/m", "state": "ejected", "reason": "max_price" },
            ],
        }));
        assert!(told.contains("a/m:nitro -> a/m, no/body (unknown_model)"), "{told}");
        let line = |start: &str| told.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(line("1 ").contains("one/fast") && line("1 ").ends_with("holds the conversation"), "{told}");
        assert!(line("- ").contains("ejected") && line("- ").ends_with("max_price"), "{told}");
        let told =
            explanation(&json!({ "refused": { "status": 404, "message": "No endpoints." }, "seed": "1" }));
        assert!(told.contains("refused     404: No endpoints."), "{told}");
    }
}
