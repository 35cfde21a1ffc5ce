//! Calls beside inference: any method, any bytes, and answers that are no JSON.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{Api, Reply, read};

/// An answer as it came.
#[derive(Debug)]
pub struct Download {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Download {
    pub(crate) async fn read(response: reqwest::Response) -> anyhow::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self { status, headers, bytes: response.bytes().await? })
    }

    /// A header of the answer; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Api {
    /// # Errors
    /// When no answer comes.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key).json(body);
        read(request.send().await?).await
    }

    /// Whatever bytes with whatever headers, and no key but what is among them.
    ///
    /// # Errors
    /// When no answer comes, or a header cannot be sent.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self.http.request(method, format!("{}{path}", self.base)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes())?);
        }
        read(request.send().await?).await
    }

    /// # Errors
    /// When no answer comes.
    pub async fn download(&self, path: &str) -> anyhow::Result<Download> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.key);
        Download::read(request.send().await?).await
    }
}
