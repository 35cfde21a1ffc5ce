//! What a document says and where, in words and figures. Both renderings lay out the same sheet.

mod figures;
mod lines;

use crate::document::{Content, Document, Kind};
use figures::{date, is_zero, moment, percent, short, usd};

/// One document, ready to be laid out.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub title: String,
    pub is_draft: bool,
    pub issuer: Party,
    pub customer: Party,
    /// Label and value.
    pub facts: Vec<(String, String)>,
    /// The one figure to look for, and a remark on it.
    pub figure: (String, String, String),
    pub tables: Vec<Table>,
    pub totals: Vec<Total>,
    /// Heading and lines.
    pub notes: Vec<(String, Vec<String>)>,
    pub footer: String,
    pub language: &'static str,
}

#[derive(Debug)]
pub(crate) struct Party {
    pub name: String,
    pub lines: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub heading: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// `share` is the width in parts of the whole; figures stand right.
#[derive(Debug)]
pub(crate) struct Column {
    pub label: &'static str,
    pub share: f32,
    pub is_figure: bool,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub look: Look,
    pub cells: Vec<String>,
    /// Small print below the first cell.
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Group,
    Sum,
}

#[derive(Debug)]
pub(crate) struct Total {
    pub label: String,
    pub value: String,
    pub is_strong: bool,
}

impl Total {
    fn plain(label: impl Into<String>, value: String) -> Self {
        Self { label: label.into(), value, is_strong: false }
    }

    fn strong(label: impl Into<String>, value: String) -> Self {
        Self { label: label.into(), value, is_strong: true }
    }
}

impl Sheet {
    pub(crate) fn of(document: &Document) -> Self {
        let content = &document.content;
        let is_draft = content.number.is_empty();
        let name = match content.kind {
            Kind::Invoice => "Invoice",
            Kind::Statement => "Statement of usage",
            Kind::CreditNote => "Credit note",
            Kind::Receipt => "Receipt",
        };
        Self {
            title: if is_draft { format!("{name} (draft)") } else { name.to_owned() },
            is_draft,
            issuer: issuer(content),
            customer: customer(content),
            facts: facts(content),
            figure: figure(content),
            tables: tables(content),
            totals: totals(content),
            notes: notes(document),
            footer: footer(content),
            language: "en",
        }
    }
}

fn issuer(content: &Content) -> Party {
    let issuer = &content.issuer;
    let mut lines = issuer.address.clone();
    lines.push(issuer.country.clone());
    lines.push(issuer.email.clone());
    lines.retain(|line| !line.is_empty());
    Party { name: issuer.name.clone(), lines }
}

fn customer(content: &Content) -> Party {
    let customer = &content.customer;
    let mut lines = customer.address.clone();
    lines.push(customer.country.clone());
    if !customer.tax_id.is_empty() {
        lines.push(format!("Tax ID {}", customer.tax_id));
    }
    lines.retain(|line| !line.is_empty());
    Party { name: customer.name.clone(), lines }
}

fn facts(content: &Content) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |label: &str, value: String| {
        if !value.is_empty() {
            facts.push((label.to_owned(), value));
        }
    };
    fact("Number", content.number.clone());
    fact("Issued", date(&content.issued_on));
    fact("Paid", content.paid_on.as_deref().map(date).unwrap_or_default());
    fact("Due", content.due_on.as_deref().map(date).unwrap_or_default());
    if let Some(period) = &content.period {
        fact("Period from", moment(&period.from));
        fact("Period to", moment(&period.to));
    }
    if let Some(corrected) = &content.corrects {
        fact("Corrects", corrected.number.clone());
        fact("Issued on", date(&corrected.issued_on));
    }
    fact("Your reference", content.customer.reference.clone());
    fact("Customer", content.customer.tenant_id.clone());
    facts
}

fn figure(content: &Content) -> (String, String, String) {
    let said = |label: &str, value: String, remark: String| (label.to_owned(), value, remark);
    match content.kind {
        Kind::Invoice => {
            let due = content.due_on.as_deref().map(date).unwrap_or_default();
            let remark = if due.is_empty() { String::new() } else { format!("Due {due}") };
            said("Amount due", usd(total(content, "amount_due")), remark)
        }
        Kind::Statement => said(
            "Amount due",
            usd(total(content, "amount_due")),
            "Paid in full from prepaid credit".to_owned(),
        ),
        Kind::CreditNote => said(
            "Credited",
            usd(short(total(content, "total"))),
            "To your prepaid credit or account".to_owned(),
        ),
        Kind::Receipt => said("Paid", usd(short(total(content, "paid"))), "Received with thanks".to_owned()),
    }
}

/// A total as the document has it.
fn total<'c>(content: &'c Content, name: &str) -> &'c str {
    content.totals.get(name).map_or("0", String::as_str)
}

fn tables(content: &Content) -> Vec<Table> {
    match content.kind {
        Kind::Invoice => vec![lines::charges(content)],
        Kind::Statement => {
            let account = content.account.as_ref().map(lines::account);
            account.into_iter().chain([lines::charges(content)]).collect()
        }
        Kind::CreditNote => vec![lines::credited(content)],
        Kind::Receipt => vec![lines::bought(content)],
    }
}

fn totals(content: &Content) -> Vec<Total> {
    let is_short = matches!(content.kind, Kind::CreditNote | Kind::Receipt);
    let value = |name: &str| {
        let value = total(content, name);
        usd(if is_short { short(value) } else { value })
    };
    let tax = || tax_label(content);
    match content.kind {
        Kind::Invoice => {
            let mut totals = vec![Total::plain("Charges, exact", value("charges"))];
            if !is_zero(total(content, "covered_by_credit")) {
                totals.push(Total::plain("Covered by credit", format!("−{}", value("covered_by_credit"))));
            }
            totals.push(Total::plain("Rounding to cents", value("rounding")));
            totals.push(Total::strong("Subtotal", value("net")));
            totals.push(Total::plain(tax(), value("tax")));
            totals.push(Total::strong("Total", value("total")));
            totals
        }
        Kind::Statement => vec![
            Total::plain("Charges, exact", value("charges")),
            Total::plain("Paid from prepaid credit", format!("−{}", value("covered_by_credit"))),
            Total::strong("Amount due", value("amount_due")),
        ],
        Kind::CreditNote => vec![
            Total::plain("Net", value("net")),
            Total::plain(tax(), value("tax")),
            Total::strong("Credited", value("total")),
        ],
        Kind::Receipt => vec![Total::plain("Tax", value("tax")), Total::strong("Total paid", value("paid"))],
    }
}

fn tax_label(content: &Content) -> String {
    let name = if content.issuer.tax_name.is_empty() { "Tax" } else { &content.issuer.tax_name };
    format!("{name} {}", percent(content.tax.basis_points))
}

fn notes(document: &Document) -> Vec<(String, Vec<String>)> {
    let content = &document.content;
    let mut notes = Vec::new();
    if content.kind == Kind::Invoice {
        let mut lines = content.issuer.payment_instructions.clone();
        if let Some(due) = &content.due_on {
            lines.insert(0, format!("Payable in US dollars by {}, without deduction.", date(due)));
        }
        if !content.number.is_empty() {
            lines.push(format!("Please state {} with your payment.", content.number));
        }
        notes.push(("Payment".to_owned(), lines));
    }
    let tax = match content.tax.treatment.as_str() {
        "reverse_charge" => "Reverse charge: the recipient of the service accounts for the tax.",
        "exempt" => "This supply is exempt from tax.",
        _ if content.kind == Kind::Statement && content.tax.basis_points > 0 => {
            "Tax is stated on the receipts for the purchases of credit."
        }
        _ => "",
    };
    if !tax.is_empty() {
        notes.push(("Tax".to_owned(), vec![tax.to_owned()]));
    }
    if matches!(content.kind, Kind::Invoice | Kind::Statement) {
        let mut lines = vec![
            "Amounts are in US dollars, each line exact to a billionth: provider cost + markup − not charged = amount."
                .to_owned(),
        ];
        if content.kind == Kind::Invoice {
            lines.push(
                "The subtotal is rounded to cents once, half to even; tax is computed on the subtotal and rounded alike."
                    .to_owned(),
            );
        }
        notes.push(("How this adds up".to_owned(), lines));
    }
    if !content.number.is_empty() {
        let before = &content.chain.previous_sha256;
        let mut lines = vec![format!("SHA-256 {}", document.sha256)];
        if !before.is_empty() {
            lines.push(format!("Previous {before}"));
        }
        lines.push(format!(
            "Document {} of its issuer's chain. The PDF carries the JSON that is hashed as an attachment.",
            content.chain.position
        ));
        notes.push(("Proof".to_owned(), lines));
    }
    notes
}

fn footer(content: &Content) -> String {
    let issuer = &content.issuer;
    let tax_id = if issuer.tax_id.is_empty() { String::new() } else { format!("Tax ID {}", issuer.tax_id) };
    let parts = [issuer.name.clone(), tax_id, issuer.registration.clone(), issuer.email.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ·  ")
}
