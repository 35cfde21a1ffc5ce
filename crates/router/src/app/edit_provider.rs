//! Adding and changing providers.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::change::{Applied, Context, written};
use super::edit_row::{Empty, Shape, lay_over, refused};
use super::edit_rules::check_provider;
use crate::store::{Writes, rows};
use crate::{Error, seed};

const SHAPE: Shape = Shape {
    kind: "a provider",
    members: &[
        "name",
        "base_url",
        "dialect",
        "quirks",
        "credential_required",
        "timeouts",
        "cancel_stops_billing",
        "collects_data",
        "zero_data_retention",
        "headquarters",
        "datacenters",
        "privacy_policy_url",
        "terms_of_service_url",
        "status_page_url",
        "disabled",
    ],
    fixed: &[],
    emptied: &[("quirks", Empty::Object), ("datacenters", Empty::List)],
};

/// A provider as an operator wants it.
#[derive(Debug)]
pub(crate) struct ProviderEdit {
    pub(crate) slug: String,
    /// By column; left out = unchanged, `null` = cleared.
    pub(crate) changes: Map<String, Value>,
    /// Absent = unchanged.
    pub(crate) credential: Option<SecretString>,
    pub(crate) must_exist: bool,
}

impl ProviderEdit {
    pub(super) fn apply(self, context: &Context<'_>) -> Result<Applied, Error> {
        let current = context.tables.providers.iter().find(|row| row.slug == self.slug);
        if self.must_exist && current.is_none() {
            return Err(Error::NotFound { kind: "provider", name: self.slug });
        }
        if self.credential.as_ref().is_some_and(|secret| secret.expose_secret().trim().is_empty()) {
            return Err(refused("a credential cannot be empty"));
        }
        let row = self.row(current)?;
        let before = current.map(written).transpose()?;
        let mut after = written(&row)?;
        let mut writes = Writes::default();
        if let Some(credential) = &self.credential {
            let sealed = seed::sealed(&row.slug, credential, context.actor, context.master_key)?;
            after["credential_id"] = Value::from(sealed.id.to_string());
            writes.credentials.push(sealed);
        }
        let id = row.slug.clone();
        writes.providers.push(row);
        Ok(Applied { before, after: Some(after), writes, ..Applied::of("put_provider", id) })
    }

    fn row(&self, current: Option<&rows::Provider>) -> Result<rows::Provider, Error> {
        let blank = || rows::Provider {
            slug: self.slug.clone(),
            name: self.slug.clone(),
            ..rows::Provider::default()
        };
        let start = current.cloned().unwrap_or_else(blank);
        let mut row = lay_over(&start, current.is_none(), self.changes.clone(), &SHAPE)?;
        for (member, text) in [("dialect", &row.dialect), ("base_url", &row.base_url)] {
            if text.is_empty() {
                return Err(refused(format!("a new provider needs `{member}`")));
            }
        }
        check_provider(&row, current)?;
        self.point(&mut row, current)?;
        Ok(row)
    }

    /// Where requests go, and as whom.
    fn point(&self, row: &mut rows::Provider, current: Option<&rows::Provider>) -> Result<(), Error> {
        let has_moved = current.is_none_or(|current| current.base_url != row.base_url);
        if has_moved {
            row.simulated = false;
            // Whoever is at an address of the operator's choice may well ask for none.
            if !self.changes.contains_key("credential_required") {
                row.credential_required = false;
            }
        } else if self.credential.is_some() && row.simulated && !self.changes.contains_key("base_url") {
            // A real credential makes a simulated provider real.
            if let Some(base_url) = seed::shipped_base_url(&row.slug)? {
                row.base_url = base_url;
            }
            row.simulated = false;
        }
        Ok(())
    }
}
