//! The upper part of the first page.

use super::super::canvas::{Ink, WIDTH};
use super::super::face::Weight;
use super::{Flow, LEFT, RIGHT};

/// Where the address stands, so that it shows in the window of an envelope.
const ADDRESS: f32 = 138.0;
/// The left edge of the facts.
const FACTS: f32 = 322.0;

pub(super) fn letterhead(flow: &mut Flow<'_>) {
    let sheet = flow.sheet;
    flow.rule(0.0, 0.0, WIDTH, 5.0, Ink::Accent);
    flow.text(LEFT, 64.0, 17.0, Weight::Strong, Ink::Accent, &sheet.issuer.name);
    let mut y = 54.0;
    for line in &sheet.issuer.lines {
        flow.text_to(RIGHT, y, 8.0, Weight::Regular, Ink::Quiet, line);
        y += 11.0;
    }
    let lowest = address(flow).max(facts(flow, y.max(ADDRESS)));
    flow.y = lowest + 34.0;
    title(flow);
}

/// Answers where it ends.
fn address(flow: &mut Flow<'_>) -> f32 {
    let sheet = flow.sheet;
    let sender: Vec<&str> = std::iter::once(sheet.issuer.name.as_str())
        .chain(sheet.issuer.lines.iter().take(2).map(String::as_str))
        .collect();
    flow.text(LEFT, ADDRESS, 6.5, Weight::Regular, Ink::Quiet, &sender.join(" · "));
    let mut y = ADDRESS + 18.0;
    for line in flow.broken(Weight::Strong, 10.5, &sheet.customer.name, FACTS - LEFT - 24.0) {
        flow.text(LEFT, y, 10.5, Weight::Strong, Ink::Text, &line);
        y += 14.0;
    }
    for line in &sheet.customer.lines {
        for line in flow.broken(Weight::Regular, 9.5, line, FACTS - LEFT - 24.0) {
            flow.text(LEFT, y, 9.5, Weight::Regular, Ink::Text, &line);
            y += 13.0;
        }
    }
    y
}

fn facts(flow: &mut Flow<'_>, from: f32) -> f32 {
    let mut y = from;
    for (label, value) in &flow.sheet.facts {
        let is_number = label == "Number";
        let weight = if is_number { Weight::Strong } else { Weight::Regular };
        flow.text(FACTS, y, 8.0, Weight::Regular, Ink::Quiet, label);
        flow.text_to(RIGHT, y, 8.0, weight, Ink::Text, value);
        y += 13.5;
    }
    y
}

fn title(flow: &mut Flow<'_>) {
    let sheet = flow.sheet;
    let (label, value, remark) = &sheet.figure;
    let y = flow.y;
    flow.rule(LEFT, y - 24.0, RIGHT - LEFT, 58.0, Ink::Tint);
    flow.text(LEFT + 14.0, y + 11.0, 18.0, Weight::Strong, Ink::Text, &sheet.title);
    flow.text_to(RIGHT - 14.0, y + 11.0, 18.0, Weight::Strong, Ink::Accent, value);
    flow.text_to(RIGHT - 14.0, y - 10.0, 8.0, Weight::Regular, Ink::Quiet, label);
    flow.text_to(RIGHT - 14.0, y + 25.0, 8.0, Weight::Regular, Ink::Quiet, remark);
    flow.y = y + 58.0;
}
