//! From a period's end to its documents, and documents as they are read.

use identity::TenantId;
use invoice::Document;
use serde_json::Value;
use uuid::Uuid;

use crate::app::{App, insistently, millis};
use crate::store::invoices::{self, issue};
use crate::{Error, Issuer};

/// Invoices that one look issues at most before it looks for purchases.
const BATCH: i64 = 500;
/// Receipts that one transaction issues at most: its issuer issues nothing else meanwhile.
const RECEIPTS: i32 = 50;
/// Purchases are looked back on so far, beyond which a receipt was issued or held up by a freeze.
const RECENT_MS: i64 = 7 * 86_400_000;

/// What a document is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Html,
    Pdf,
}

/// A document in one form.
pub(crate) struct Rendered {
    pub number: String,
    pub sha256: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl App {
    /// Who issues, as documents say it.
    pub(crate) fn issuer(&self) -> Value {
        issuer_json(&self.config.invoices.issuer)
    }

    pub(crate) fn due_days(&self) -> i32 {
        i32::from(self.config.invoices.due_days)
    }

    /// Does what is due, in order: close, draft, let the grace begin, issue, write receipts. Safe beside its twins
    /// on other replicas; what fails is done by the next look. `all` = look at every purchase there ever was.
    pub(crate) async fn invoice(&self, all: bool) -> Result<(), Error> {
        let pool = &self.pool;
        if let Some(period) = insistently(|| issue::close_due_period(pool)).await? {
            tracing::info!(period, "a period is closed");
        }
        while let Some(period) = issue::draft(pool).await? {
            tracing::info!(period, "the invoices of a period are drafted");
        }
        let frozen = issue::frozen(pool).await?;
        if frozen > self.metrics.frozen.set(frozen) {
            tracing::error!(tenants = frozen, "the invoicing of tenants is frozen until somebody has looked");
        }
        issue::begin_grace(pool, millis(self.config.invoices.grace_ms)).await?;
        let issuer = self.issuer();
        for invoice in issue::due(pool, BATCH).await? {
            match insistently(|| issue::finalise(pool, invoice, &issuer, self.due_days(), false)).await {
                Ok(_) => {}
                // Frozen since; or what it says does not hold, which is this invoice's matter alone.
                Err(error) if !error.is_transient() => {
                    tracing::error!(%invoice, error = &error as &dyn std::error::Error, "an invoice was not issued");
                }
                Err(error) => return Err(error),
            }
        }
        let since = if all { None } else { Some(RECENT_MS) };
        while issue::receipts(pool, &issuer, since, RECEIPTS).await? == i64::from(RECEIPTS) {}
        Ok(())
    }

    /// A tenant's issued document.
    pub(crate) async fn document(
        &self,
        tenant: TenantId,
        number: &str,
        form: Form,
    ) -> Result<Rendered, Error> {
        let json = invoices::document(&self.pool, tenant, number).await?;
        rendered(json.ok_or(Error::Unknown("document"))?, form).await
    }

    /// What was issued for an invoice, or what it says so far.
    pub(crate) async fn document_of(&self, invoice: Uuid, form: Form) -> Result<Rendered, Error> {
        let json = invoices::document_of_invoice(&self.pool, invoice, &self.issuer()).await?;
        rendered(json.ok_or(Error::Unknown("invoice"))?, form).await
    }
}

fn issuer_json(issuer: &Issuer) -> Value {
    // Strings and lists of strings: nothing of it can fail to be written.
    serde_json::to_value(issuer).unwrap_or_default()
}

/// Renders on a thread of its own: a long invoice takes a while.
async fn rendered(json: String, form: Form) -> Result<Rendered, Error> {
    let work = move || -> Result<Rendered, Error> {
        let document = Document::parse(&json)?;
        let (content_type, body) = match form {
            Form::Json => ("application/json", json.into_bytes()),
            Form::Html => ("text/html; charset=utf-8", invoice::html(&document).into_bytes()),
            Form::Pdf => ("application/pdf", invoice::pdf(&document)?),
        };
        let (number, sha256) = (document.number().to_owned(), document.sha256().to_owned());
        Ok(Rendered { number, sha256, content_type, body })
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Stopped)?
}
