//! The stored JSON, parsed.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The JSON is not a document of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a document of this schema")]
pub struct Malformed(#[from] serde_json::Error);

/// One document. `number` is empty while it is a draft.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) content: Content,
    pub(crate) json: String,
    pub(crate) sha256: String,
}

impl Document {
    /// # Errors
    /// [`Malformed`] when a member is missing or of another kind.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let content = serde_json::from_str(json)?;
        let sha256 = hex::encode(Sha256::digest(json.as_bytes()));
        Ok(Self { content, json: json.to_owned(), sha256 })
    }

    /// SHA-256 of the JSON's bytes, in hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    #[must_use]
    pub fn number(&self) -> &str {
        &self.content.number
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Invoice,
    Statement,
    CreditNote,
    Receipt,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Content {
    pub kind: Kind,
    #[serde(default)]
    pub number: String,
    /// ISO dates.
    #[serde(default)]
    pub issued_on: String,
    pub due_on: Option<String>,
    pub paid_on: Option<String>,
    pub issuer: Issuer,
    pub customer: Customer,
    pub period: Option<Period>,
    #[serde(default)]
    pub lines: Vec<Line>,
    pub account: Option<Account>,
    pub tax: Tax,
    /// Decimal strings in USD by name.
    pub totals: BTreeMap<String, String>,
    pub reason: Option<String>,
    pub corrects: Option<Corrected>,
    #[serde(default)]
    pub chain: Chain,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Issuer {
    pub name: String,
    #[serde(default)]
    pub address: Vec<String>,
    #[serde(default)]
    pub country: String,
    #[serde(default)]
    pub tax_id: String,
    #[serde(default)]
    pub registration: String,
    #[serde(default)]
    pub email: String,
    /// What tax is called where the issuer is.
    #[serde(default)]
    pub tax_name: String,
    /// How to pay, a line each.
    #[serde(default)]
    pub payment_instructions: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Customer {
    pub tenant_id: String,
    pub name: String,
    pub address: Vec<String>,
    pub country: String,
    pub tax_id: String,
    pub reference: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Period {
    /// ISO times, UTC.
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub kind: String,
    pub model: String,
    pub provider: String,
    pub provider_name: String,
    pub late: bool,
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    pub requests: u64,
    pub units: BTreeMap<String, u64>,
    pub provider_cost: String,
    pub markup: String,
    pub waived: String,
    pub amount: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Account {
    pub opening: String,
    pub movements: Vec<Movement>,
    pub closing: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Movement {
    pub kind: String,
    pub transfers: u64,
    pub amount: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Tax {
    pub treatment: String,
    pub basis_points: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Corrected {
    pub number: String,
    pub issued_on: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Chain {
    #[serde(default)]
    pub position: u64,
    #[serde(default)]
    pub previous_sha256: String,
}
