//! What a form sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use url::form_urlencoded;

use super::Trouble;
use crate::http::body;
use crate::service::App;

/// The fields of a form, of two with one name the last.
pub(super) struct Form(BTreeMap<String, String>);

impl FromRequest<Arc<App>> for Form {
    type Rejection = Trouble;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Trouble> {
        let http = &app.config.http;
        let bytes = body::read(request, http.max_admin_body_bytes.get(), http.body_timeout_ms.get()).await?;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}

impl Form {
    /// A field; empty where it was not sent.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A field that is not empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.field(name)).filter(|text| !text.is_empty())
    }
}
