//! The HTML: one file that needs no other, and prints well.

use std::fmt::Write as _;

use crate::document::Document;
use crate::sheet::{Column, Look, Party, Row, Sheet, Table};

const STYLE: &str = include_str!("html/style.css");

/// The document as a page.
#[must_use]
pub fn html(document: &Document) -> String {
    let sheet = Sheet::of(document);
    let mut page = String::with_capacity(16 * 1024);
    let title = escaped(&format!("{} {}", sheet.title, document.number()));
    push(
        &mut page,
        format_args!(
            "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
            sheet.language
        ),
    );
    head(&mut page, &sheet);
    for table in &sheet.tables {
        set_table(&mut page, table);
    }
    foot(&mut page, &sheet);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(page: &mut String, sheet: &Sheet) {
    push(page, format_args!("<header>\n<strong>{}</strong>\n", escaped(&sheet.issuer.name)));
    push(page, format_args!("<address>{}</address>\n</header>\n", lines(&sheet.issuer.lines)));
    page.push_str("<section class=\"parties\">\n<address>");
    party(page, &sheet.customer);
    page.push_str("</address>\n<dl>\n");
    for (label, value) in &sheet.facts {
        push(page, format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(label), escaped(value)));
    }
    let (label, value, remark) = &sheet.figure;
    push(
        page,
        format_args!(
            "</dl>\n</section>\n<section class=\"title\">\n<h1>{}</h1>\n<p><span>{}</span><b>{}</b><span>{}</span></p>\n\
         </section>\n",
            escaped(&sheet.title),
            escaped(label),
            escaped(value),
            escaped(remark)
        ),
    );
}

fn party(page: &mut String, party: &Party) {
    push(page, format_args!("<strong>{}</strong><br>{}", escaped(&party.name), lines(&party.lines)));
}

fn set_table(page: &mut String, table: &Table) {
    push(page, format_args!("<h2>{}</h2>\n<table>\n<thead>\n<tr>", escaped(&table.heading)));
    for column in &table.columns {
        push(page, format_args!("<th scope=\"col\"{}>{}</th>", side(column), escaped(column.label)));
    }
    page.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in &table.rows {
        set_row(page, table, row);
    }
    page.push_str("</tbody>\n</table>\n");
}

fn set_row(page: &mut String, table: &Table, row: &Row) {
    page.push_str(match row.look {
        Look::Plain => "<tr>",
        Look::Group => "<tr class=\"group\">",
        Look::Sum => "<tr class=\"sum\">",
    });
    for (place, (cell, column)) in row.cells.iter().zip(&table.columns).enumerate() {
        let span = if row.cells.len() == 1 {
            format!(" colspan=\"{}\"", table.columns.len())
        } else {
            String::new()
        };
        push(page, format_args!("<td{}{span}>{}", side(column), escaped(cell)));
        if place == 0 && !row.detail.is_empty() {
            push(page, format_args!("<small>{}</small>", escaped(&row.detail)));
        }
        page.push_str("</td>");
    }
    page.push_str("</tr>\n");
}

fn foot(page: &mut String, sheet: &Sheet) {
    page.push_str("<table class=\"totals\">\n");
    // Points stand below each other: shorter fractions are filled up, unseen.
    let decimals = |value: &str| value.rsplit_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = sheet.totals.iter().map(|total| decimals(&total.value)).max().unwrap_or(0);
    for total in &sheet.totals {
        let class = if total.is_strong { " class=\"sum\"" } else { "" };
        let fill = "0".repeat(most - decimals(&total.value));
        push(
            page,
            format_args!(
                "<tr{class}><th scope=\"row\">{}</th><td class=\"figure\">{}<i aria-hidden=\"true\">{fill}</i></td></tr>\n",
                escaped(&total.label),
                escaped(&total.value)
            ),
        );
    }
    page.push_str("</table>\n<dl class=\"notes\">\n");
    for (heading, text) in &sheet.notes {
        push(page, format_args!("<div><dt>{}</dt><dd>{}</dd></div>\n", escaped(heading), lines(text)));
    }
    push(page, format_args!("</dl>\n<footer>{}</footer>\n", escaped(&sheet.footer)));
}

const fn side(column: &Column) -> &'static str {
    if column.is_figure { " class=\"figure\"" } else { "" }
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            sign => safe.push(sign),
        }
    }
    safe
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = page.write_fmt(text);
}
