//! Tables, over as many pages as they need, each with the head again.

use super::super::canvas::Ink;
use super::super::face::Weight;
use super::{Flow, LEFT, RIGHT};
use crate::sheet::{Column, Look, Row, Table};

const SIZE: f32 = 8.0;
/// Figures, which are many.
const FIGURE: f32 = 7.6;
const SMALL: f32 = 7.0;
/// Between lines of a row.
const STEP: f32 = 10.5;
/// Between columns.
const GAP: f32 = 8.0;

pub(super) fn set(flow: &mut Flow<'_>, table: &Table) {
    if !flow.has_room(90.0) {
        flow.turn();
    }
    flow.text(LEFT, flow.y, 10.5, Weight::Strong, Ink::Text, &table.heading);
    flow.y += 18.0;
    head(flow, table);
    for (place, row) in table.rows.iter().enumerate() {
        if row.look == Look::Group && place > 0 {
            flow.y += 5.0;
        }
        let lines = name_lines(flow, table, row);
        // The name of a group stays with its first row, and the sum with the last.
        let next = table.rows.get(place + 1);
        let is_kept = row.look == Look::Group || next.is_some_and(|next| next.look == Look::Sum);
        let kept = if is_kept { 3.0 * STEP } else { 0.0 };
        if !flow.has_room(height(lines.len()) + kept) {
            flow.turn();
            head(flow, table);
        }
        set_row(flow, table, row, &lines);
    }
    flow.y += 16.0;
}

fn height(lines: usize) -> f32 {
    f32::from(u16::try_from(lines).unwrap_or(u16::MAX)) * STEP + 7.5
}

/// The left and right edge of each column.
fn edges(columns: &[Column]) -> Vec<(f32, f32)> {
    let whole: f32 = columns.iter().map(|column| column.share).sum();
    let mut x = LEFT;
    columns
        .iter()
        .map(|column| {
            let left = x;
            x += (RIGHT - LEFT) * column.share / whole;
            (left, x)
        })
        .collect()
}

fn head(flow: &mut Flow<'_>, table: &Table) {
    for (column, (left, right)) in table.columns.iter().zip(edges(&table.columns)) {
        if column.is_figure {
            flow.text_to(right, flow.y, SMALL, Weight::Strong, Ink::Quiet, column.label);
        } else {
            flow.text(left, flow.y, SMALL, Weight::Strong, Ink::Quiet, column.label);
        }
    }
    flow.rule(LEFT, flow.y + 5.0, RIGHT - LEFT, 0.9, Ink::Accent);
    flow.y += 18.5;
}

/// The lines of the first cell, the small print after the name. A group's name may run across the table.
fn name_lines(flow: &Flow<'_>, table: &Table, row: &Row) -> Vec<(Weight, f32, Ink, String)> {
    let (left, right) = edges(&table.columns).first().copied().unwrap_or((LEFT, RIGHT));
    let width = if row.cells.len() == 1 { RIGHT - LEFT } else { right - left - GAP };
    let (weight, ink) = match row.look {
        Look::Plain => (Weight::Regular, Ink::Text),
        Look::Group => (Weight::Strong, Ink::Accent),
        Look::Sum => (Weight::Strong, Ink::Text),
    };
    let name = row.cells.first().map_or("", String::as_str);
    let names = flow.broken(weight, SIZE, name, width);
    let mut lines: Vec<_> = names.into_iter().map(|line| (weight, SIZE, ink, line)).collect();
    if !row.detail.is_empty() {
        let small = flow.broken(Weight::Regular, SMALL, &row.detail, width);
        lines.extend(small.into_iter().map(|line| (Weight::Regular, SMALL, Ink::Quiet, line)));
    }
    lines
}

fn set_row(flow: &mut Flow<'_>, table: &Table, row: &Row, lines: &[(Weight, f32, Ink, String)]) {
    let weight = if row.look == Look::Sum { Weight::Strong } else { Weight::Regular };
    if row.look == Look::Sum {
        flow.rule(LEFT, flow.y - 11.0, RIGHT - LEFT, 0.9, Ink::Accent);
    }
    let top = flow.y;
    // In the order of reading, which is that of copied text: the name, then its figures.
    for (weight, size, ink, line) in lines {
        flow.text(LEFT, flow.y, *size, *weight, *ink, line);
        flow.y += STEP;
    }
    for (cell, (left, right)) in row.cells.iter().zip(edges(&table.columns)).skip(1) {
        // A figure too wide for its column is set smaller rather than over its neighbour.
        let width = flow.faces.width(weight, FIGURE, cell);
        let size = FIGURE * ((right - left - 3.0) / width).min(1.0);
        flow.text_to(right, top, size, weight, Ink::Text, cell);
    }
    flow.y += 7.5;
    if row.look == Look::Plain {
        flow.rule(LEFT, flow.y - 11.5, RIGHT - LEFT, 0.4, Ink::Rule);
    }
}
