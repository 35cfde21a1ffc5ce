//! The tables of a sheet.

use std::collections::BTreeMap;

use super::figures::{count, days, decimal, is_zero, short, usd};
use super::{Column, Look, Row, Table, total};
use crate::document::{Account, Content, Line};

/// Units that are tokens going in and coming out; others are named.
const TOKENS_IN: [&str; 6] =
    ["input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "image_input"];
const TOKENS_OUT: [&str; 4] = ["output", "reasoning", "audio_output", "image_output"];

const fn words(label: &'static str, share: f32) -> Column {
    Column { label, share, is_figure: false }
}

const fn figures(label: &'static str, share: f32) -> Column {
    Column { label, share, is_figure: true }
}

fn row(look: Look, cells: impl IntoIterator<Item = String>, detail: String) -> Row {
    Row { look, cells: cells.into_iter().collect(), detail }
}

/// What is charged for, grouped by what it is.
pub(super) fn charges(content: &Content) -> Table {
    let mut rows = Vec::new();
    let mut group = "";
    for line in &content.lines {
        let heading = heading(line);
        if heading != group {
            rows.push(row(Look::Group, [heading.to_owned()], String::new()));
            group = heading;
        }
        rows.push(charge(line));
    }
    if content.lines.is_empty() {
        rows.push(row(Look::Plain, ["Nothing was charged for in this period.".to_owned()], String::new()));
    } else {
        rows.push(sum(content));
    }
    let columns = vec![
        words("Model", 28.0),
        figures("Requests", 9.0),
        figures("Tokens in", 13.0),
        figures("Tokens out", 12.0),
        figures("Provider cost", 15.0),
        figures("Markup", 14.0),
        figures("Amount, USD", 15.0),
    ];
    Table { heading: "Charges".to_owned(), columns, rows }
}

fn heading(line: &Line) -> &'static str {
    match (line.kind.as_str(), line.late) {
        ("usage", false) => "Usage",
        ("usage", true) => "Late usage: served before this period, settled in it",
        ("own_key", false) => "Fee on usage through your own provider keys",
        ("own_key", true) => "Late fee on usage through your own provider keys",
        _ => "Fees",
    }
}

fn charge(line: &Line) -> Row {
    let tokens = |classes: &[&str]| -> u64 {
        classes
            .iter()
            .filter_map(|class| line.units.get(*class))
            .fold(0, |sum, units| sum.saturating_add(*units))
    };
    let is_usage = matches!(line.kind.as_str(), "usage" | "own_key");
    let name = match line.kind.as_str() {
        "usage" | "own_key" if line.model.is_empty() => "Unknown model".to_owned(),
        "usage" | "own_key" => line.model.clone(),
        "purchase_fee" => "Fee on purchases of credit".to_owned(),
        other => capitalised(other),
    };
    let tokens = |classes| if is_usage { count(tokens(classes)) } else { String::new() };
    let cells = [
        name,
        count(line.requests),
        tokens(&TOKENS_IN),
        tokens(&TOKENS_OUT),
        if is_usage { decimal(&line.provider_cost) } else { String::new() },
        if is_usage { decimal(&line.markup) } else { String::new() },
        decimal(&line.amount),
    ];
    row(Look::Plain, cells, detail(line))
}

/// Who served it, units that have no column, and what was not asked for.
fn detail(line: &Line) -> String {
    let mut parts = Vec::new();
    let provider = if line.provider_name.is_empty() { &line.provider } else { &line.provider_name };
    if !provider.is_empty() {
        parts.push(provider.clone());
    }
    if line.late
        && let (Some(first), Some(last)) = (&line.first_at, &line.last_at)
    {
        parts.push(days(first, last));
    }
    parts.extend(named_units(&line.units));
    if !is_zero(&line.waived) {
        parts.push(format!("not charged {}", usd(&line.waived)));
    }
    parts.join(" · ")
}

fn named_units(units: &BTreeMap<String, u64>) -> impl Iterator<Item = String> + '_ {
    const NAMES: [(&str, &str); 13] = [
        ("cache_read", "cache read"),
        ("cache_write_5m", "cache write 5 min"),
        ("cache_write_1h", "cache write 1 h"),
        ("reasoning", "reasoning"),
        ("audio_input", "audio in"),
        ("audio_output", "audio out"),
        ("image_input", "image tokens in"),
        ("image_output", "image tokens out"),
        ("image", "images in"),
        ("picture", "images out"),
        ("character", "characters"),
        ("second", "seconds"),
        ("search_unit", "searches"),
    ];
    NAMES.iter().filter_map(|(class, name)| {
        units.get(*class).filter(|units| **units > 0).map(|units| format!("{name} {}", count(*units)))
    })
}

/// The sum of all lines: what the document says it is.
fn sum(content: &Content) -> Row {
    let requests = content.lines.iter().fold(0_u64, |sum, line| sum.saturating_add(line.requests));
    let of = |name: &str| decimal(total(content, name));
    let cells = [
        "Charges".to_owned(),
        count(requests),
        String::new(),
        String::new(),
        of("provider_cost"),
        of("markup"),
        of("charges"),
    ];
    let waived = total(content, "waived");
    let detail = if is_zero(waived) { String::new() } else { format!("not charged {}", usd(waived)) };
    row(Look::Sum, cells, detail)
}

/// How prepaid credit moved.
pub(super) fn account(account: &Account) -> Table {
    let mut rows = vec![row(
        Look::Plain,
        ["Opening balance".to_owned(), String::new(), decimal(&account.opening)],
        String::new(),
    )];
    for movement in &account.movements {
        let cells = [moved(&movement.kind), count(movement.transfers), decimal(&movement.amount)];
        rows.push(row(Look::Plain, cells, String::new()));
    }
    let closing = ["Closing balance".to_owned(), String::new(), decimal(&account.closing)];
    rows.push(row(Look::Sum, closing, String::new()));
    let columns = vec![words("Credit", 60.0), figures("Transfers", 18.0), figures("USD", 22.0)];
    Table { heading: "Your credit".to_owned(), columns, rows }
}

fn moved(kind: &str) -> String {
    match kind {
        "usage" => "Usage".to_owned(),
        "byok_fee" => "Fee on usage through your own provider keys".to_owned(),
        "purchase" => "Credit purchased".to_owned(),
        "purchase_fee" => "Fee on purchases of credit".to_owned(),
        "promotion" => "Promotional credit".to_owned(),
        "credit_note" => "Credit notes".to_owned(),
        "invoice_payment" => "Payments of invoices".to_owned(),
        "expiry" => "Expired credit".to_owned(),
        "refund" => "Refunds".to_owned(),
        "chargeback" => "Chargebacks".to_owned(),
        other => capitalised(other),
    }
}

fn capitalised(word: &str) -> String {
    let spaced = word.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a credit note gives back.
pub(super) fn credited(content: &Content) -> Table {
    let invoice = content.corrects.as_ref().map_or("", |corrected| corrected.number.as_str());
    let reason = content.reason.clone().unwrap_or_default();
    let cells = [format!("Credit on {invoice}"), decimal(short(total(content, "total")))];
    let mut rows = vec![row(Look::Plain, cells, reason)];
    if !is_zero(total(content, "credited_before")) {
        let cells = ["Credited before".to_owned(), decimal(short(total(content, "credited_before")))];
        rows.push(row(Look::Plain, cells, String::new()));
    }
    let left = ["Left of the invoice".to_owned(), decimal(short(total(content, "left")))];
    rows.push(row(Look::Plain, left, String::new()));
    Table { heading: "Correction".to_owned(), columns: vec![words("What", 75.0), figures("USD", 25.0)], rows }
}

/// What a receipt is for.
pub(super) fn bought(content: &Content) -> Table {
    let cells = ["Credit for the use of models".to_owned(), decimal(short(total(content, "credit")))];
    let mut rows = vec![row(Look::Plain, cells, String::new())];
    if !is_zero(total(content, "fee")) {
        let cells = ["Fee on the purchase".to_owned(), decimal(short(total(content, "fee")))];
        rows.push(row(Look::Plain, cells, String::new()));
    }
    Table { heading: "Purchase".to_owned(), columns: vec![words("What", 75.0), figures("USD", 25.0)], rows }
}
