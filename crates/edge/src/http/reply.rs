//! How every error is written: one shape, whatever it was that failed.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dialect::client::{Dialect, PublicError};
use dialect::error::{BadRequest, ErrorType};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use rpc::Fault;
use rpc::worker::Failed;
use serde_json::Value;

/// `Cache-Control` of every error, and of what is answered to somebody alone.
pub(crate) const UNKEPT: HeaderValue = HeaderValue::from_static("no-store");

/// An error that a client may see.
pub(crate) trait UserFacing {
    /// What the client sees of it.
    fn refusal(self) -> Refusal;
}

impl<E: UserFacing> From<E> for Refusal {
    fn from(error: E) -> Self {
        error.refusal()
    }
}

/// An answer that is nothing but an error.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    error: PublicError,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The error as the worker wrote it for the client.
    body: Option<Bytes>,
    /// `openrouter_metadata`, beside the error.
    metadata: Option<Value>,
    dialect: Dialect,
}

impl Refusal {
    pub(crate) fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            error: PublicError::new(error_type, message),
            status: StatusCode::from_u16(error_type.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: Vec::new(),
            body: None,
            metadata: None,
            dialect: Dialect::Chat,
        }))
    }

    /// An invalid request with a status of HTTP's own, such as 405.
    pub(crate) fn with_status(status: StatusCode, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(ErrorType::InvalidRequest, message);
        refusal.0.status = status;
        refusal
    }

    /// A part of ours is away; the caller may come back.
    pub(crate) fn unavailable() -> Self {
        Fault::unavailable("A part of the platform is not reachable. Try again shortly.").refusal()
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// The same with one more member of `error.metadata`.
    pub(crate) fn with_detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.error.metadata.insert(name.to_owned(), value.into());
        self
    }

    /// The same, saying first which part of the request it is about.
    pub(crate) fn about(mut self, part: &str) -> Self {
        self.0.error.message.insert_str(0, &format!("{part}: "));
        self
    }

    pub(crate) fn with_retry_after(self, seconds: u32) -> Self {
        self.with_header("retry-after", &seconds.to_string())
    }

    /// What a worker says when no attempt reached content.
    pub(crate) fn of_failed(failed: Failed) -> Self {
        let sent: Value = serde_json::from_slice(&failed.body).unwrap_or_default();
        let error = &sent["error"];
        let error_type = ErrorType::named(&failed.error_type).unwrap_or(ErrorType::ProviderUnavailable);
        let message = error["message"].as_str().unwrap_or("The provider failed.");
        let mut refusal = Self::new(error_type, message);
        if let Some(metadata) = error["metadata"].as_object() {
            refusal.0.error.metadata = metadata
                .iter()
                .filter(|(name, _)| *name != "error_type")
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect();
        }
        refusal.0.error.availability = error.get("availability").filter(|value| !value.is_null()).cloned();
        if let Some(status) =
            u16::try_from(failed.status).ok().and_then(|code| StatusCode::from_u16(code).ok())
            && status.as_u16() >= 400
        {
            refusal.0.status = status;
        }
        if !failed.body.is_empty() {
            refusal.0.body = Some(failed.body);
        }
        match failed.retry_after_seconds {
            Some(seconds) => refusal.with_retry_after(seconds),
            None => refusal,
        }
    }

    /// The same with what the client asked to be told of its routing.
    pub(crate) fn with_metadata(mut self, metadata: Option<Value>) -> Self {
        self.0.metadata = metadata;
        self
    }

    /// The same in the words of a dialect.
    pub(crate) fn spoken_in(mut self, dialect: Dialect) -> Self {
        self.0.dialect = dialect;
        self
    }

    /// The error itself, for an answer whose status is fixed already.
    pub(crate) fn error(&self) -> &PublicError {
        &self.0.error
    }

    /// The status that it is answered with where the head has not gone out.
    pub(crate) fn status(&self) -> u16 {
        self.0.status.as_u16()
    }

    fn body(&self) -> Bytes {
        if let Some(body) = &self.0.body {
            return body.clone();
        }
        let body = self.0.dialect.error(&self.0.error);
        let keeps_code =
            self.0.dialect == Dialect::Messages || self.0.status.as_u16() == self.0.error.error_type.status();
        if keeps_code && self.0.metadata.is_none() {
            return body.into();
        }
        let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
        if let Some(metadata) = &self.0.metadata {
            value["openrouter_metadata"] = metadata.clone();
        }
        // The body's code is the answer's status, also where the vocabulary has no word of that status.
        if !keeps_code && let Some(error) = value.get_mut("error").and_then(Value::as_object_mut) {
            error.insert("code".to_owned(), self.0.status.as_u16().into());
        }
        serde_json::to_vec(&value).unwrap_or(body).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, UNKEPT);
        for (name, value) in self.0.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl UserFacing for Fault {
    fn refusal(self) -> Refusal {
        let error_type = ErrorType::named(&self.error_type).unwrap_or(ErrorType::Server);
        let mut refusal = Refusal::new(error_type, self.message);
        if let Ok(status) = StatusCode::from_u16(self.status)
            && status.as_u16() >= 400
        {
            refusal.0.status = status;
        }
        refusal.0.error.availability =
            self.availability.as_deref().and_then(|json| serde_json::from_str(json).ok());
        match self.retry_after_seconds {
            Some(seconds) => refusal.with_retry_after(seconds),
            None => refusal,
        }
    }
}

impl UserFacing for BadRequest {
    fn refusal(self) -> Refusal {
        Refusal::new(self.error_type, self.message)
    }
}

/// A failed call of another service.
impl UserFacing for tonic::Status {
    fn refusal(self) -> Refusal {
        if self.details().is_empty() {
            tracing::warn!(code = ?self.code(), error = %self.message(), "a service could not be asked");
        }
        Fault::from_status(&self).refusal()
    }
}

impl UserFacing for sqlx::Error {
    fn refusal(self) -> Refusal {
        match pg::class(&self) {
            pg::Class::Unavailable | pg::Class::Retry => Refusal::unavailable(),
            pg::Class::Conflict => Refusal::new(ErrorType::Conflict, "It exists already."),
            pg::Class::Refused => Refusal::new(ErrorType::InvalidRequest, "A value is not allowed."),
            pg::Class::Other => {
                tracing::error!(error = %self, "the identity database refused");
                Fault::internal().refusal()
            }
        }
    }
}

/// A JSON object as an answer.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw_json(status, bytes),
        Err(error) => {
            tracing::error!(error = %error, "an answer could not be written");
            Fault::internal().refusal().into_response()
        }
    }
}

/// JSON that is written already.
pub(crate) fn raw_json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use http::header::RETRY_AFTER;

    use super::*;

    fn code(refusal: Refusal) -> (u16, Option<HeaderValue>) {
        let response = refusal.into_response();
        (response.status().as_u16(), response.headers().get(RETRY_AFTER).cloned())
    }

    #[test]
    fn a_fault_keeps_its_status_and_its_wait() {
        let fault = Fault { retry_after_seconds: Some(7), ..Fault::new("rate_limit_exceeded", 429, "slow") };
        assert_eq!(code(fault.refusal()), (429, Some(HeaderValue::from_static("7"))));
        assert_eq!(code(Refusal::unavailable()).0, 503);
        assert_eq!(code(tonic::Status::internal("x").refusal()).0, 500);
        assert_eq!(code(sqlx::Error::PoolTimedOut.refusal()).0, 503);
        assert_eq!(code(Refusal::with_status(StatusCode::METHOD_NOT_ALLOWED, "x")).0, 405);
    }

    #[test]
    fn a_workers_error_is_passed_on_as_it_wrote_it() {
        let body = br#"{"error":{"code":400,"message":"too long","metadata":{"error_type":"x","provider_name":"P"}}}"#;
        let failed = Failed {
            status: 400,
            body: Bytes::from_static(body),
            error_type: "context_length_exceeded".to_owned(),
            ..Failed::default()
        };
        let refusal = Refusal::of_failed(failed);
        assert_eq!(refusal.error().error_type, ErrorType::ContextLengthExceeded);
        assert_eq!(refusal.error().message, "too long");
        assert_eq!(refusal.error().metadata.len(), 1);
        assert_eq!(refusal.body(), Bytes::from_static(body));
    }
}
