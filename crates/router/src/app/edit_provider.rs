//! Adding and changing providers.

use dialect::codec::DIALECTS;
use identity::MasterKey;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::change::{Applied, written};
use crate::Error;
use crate::seed;
use crate::store::{Writes, rows};

/// Timeouts in milliseconds; absent = unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimeoutsEdit {
    pub(crate) connect_ms: Option<u32>,
    pub(crate) first_token_ms: Option<u32>,
    pub(crate) stall_ms: Option<u32>,
    pub(crate) total_ms: Option<u32>,
}

impl TimeoutsEdit {
    pub(super) fn apply(self, row: &mut rows::Timeouts) {
        row.connect_ms = self.connect_ms.or(row.connect_ms);
        row.first_token_ms = self.first_token_ms.or(row.first_token_ms);
        row.stall_ms = self.stall_ms.or(row.stall_ms);
        row.total_ms = self.total_ms.or(row.total_ms);
    }
}

/// A provider as an operator wants it; absent = unchanged.
#[derive(Debug)]
pub(crate) struct ProviderEdit {
    pub(crate) slug: String,
    pub(crate) name: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) dialect: Option<String>,
    pub(crate) quirks_json: Option<String>,
    pub(crate) credential: Option<SecretString>,
    pub(crate) timeouts: TimeoutsEdit,
    pub(crate) cancel_stops_billing: Option<bool>,
}

impl ProviderEdit {
    pub(super) fn apply(
        self,
        tables: &rows::Tables,
        actor: &str,
        master_key: &MasterKey,
    ) -> Result<Applied, Error> {
        let current = tables.providers.iter().find(|row| row.slug == self.slug);
        let row = self.row(current)?;
        let before = current.map(written).transpose()?;
        let mut after = written(&row)?;
        let mut writes = Writes::default();
        if let Some(credential) = &self.credential {
            let sealed = seed::sealed(&row.slug, credential, actor, master_key)?;
            after["credential_id"] = Value::from(sealed.id.to_string());
            writes.credentials.push(sealed);
        }
        let id = row.slug.clone();
        writes.providers.push(row);
        Ok(Applied { id, action: "put_provider", before, after: Some(after), writes })
    }

    fn row(&self, current: Option<&rows::Provider>) -> Result<rows::Provider, Error> {
        let mut row = match current {
            Some(current) => current.clone(),
            None => self.new_row()?,
        };
        if let Some(name) = &self.name {
            row.name.clone_from(name);
        }
        if let Some(dialect) = &self.dialect {
            if !DIALECTS.contains(&&**dialect) {
                return Err(refused(&format!("the dialect must be one of {}", DIALECTS.join(", "))));
            }
            row.dialect.clone_from(dialect);
        }
        if let Some(json) = &self.quirks_json {
            row.quirks = object(json)?;
        }
        row.cancel_stops_billing = self.cancel_stops_billing.unwrap_or(row.cancel_stops_billing);
        self.timeouts.apply(&mut row.timeouts);
        self.point(&mut row)?;
        Ok(row)
    }

    /// Where requests go, and as whom.
    fn point(&self, row: &mut rows::Provider) -> Result<(), Error> {
        if self.credential.as_ref().is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
            return Err(refused("a credential cannot be empty"));
        }
        match &self.base_url {
            Some(base_url) if *base_url != row.base_url => {
                row.base_url.clone_from(base_url);
                row.simulated = false;
                // Whoever is at an address of the operator's choice may well ask for none.
                row.credential_required = false;
            }
            None if self.credential.is_some() && row.simulated => {
                // A real credential makes a simulated provider real.
                if let Some(base_url) = seed::shipped_base_url(&row.slug)? {
                    row.base_url = base_url;
                }
                row.simulated = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn new_row(&self) -> Result<rows::Provider, Error> {
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if self.slug.is_empty() || !self.slug.chars().all(valid) || self.slug.starts_with(['-', '.']) {
            return Err(refused("a provider's slug is made of a-z, 0-9, `-` and `.`"));
        }
        let missing = |field| refused(&format!("a new provider needs `{field}`"));
        Ok(rows::Provider {
            slug: self.slug.clone(),
            name: self.slug.clone(),
            dialect: self.dialect.clone().ok_or_else(|| missing("dialect"))?,
            base_url: self.base_url.clone().ok_or_else(|| missing("base_url"))?,
            ..rows::Provider::default()
        })
    }
}

fn object(json: &str) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(json).map_err(|_| refused("`quirks_json` must be a JSON object"))
}

pub(super) fn refused(text: &str) -> Error {
    Error::Refused(text.to_owned())
}
