//! A stand-in for Stripe on Stripe's own wire format.
//!
//! | Call | Does |
//! |---|---|
//! | `POST /v1/customers`, `/v1/checkout/sessions`, `/v1/payment_intents`, `/v1/refunds` | makes one; `Idempotency-Key` is honoured |
//! | `GET` of the same, `/v1/charges`, `/v1/disputes`, `/v1/balance_transactions`, with or without an id | shows them; `expand[]`, `payment_intent=`, `customer=` |
//! | `POST /v1/checkout/sessions/{id}/expire` | ends a page unpaid |
//! | `GET /pay/{session}` | the page where a session is paid; `POST` with `card=<number>` pays it |
//! | `PUT /_stripe/webhook` | `{"url", "secret"}`: where events go and what signs them |
//! | `GET /_stripe/events`, `POST /_stripe/events/{id}/deliver` | the events, oldest first; sends one again |
//! | `POST /_stripe/disputes` | `{"payment_intent", "amount"}`: the payer's bank takes money back |
//! | `POST /_stripe/disputes/{id}/close` | `{"status": "won" or "lost"}` |
//! | `POST /_stripe/faults` | `{"drop_answers": n, "fail_refunds": n, "mute": bool}`: does what is asked and says nothing of it; refuses refunds; sends no events |
//!
//! Cards are Stripe's test numbers: `4242424242424242` pays, `4000000000000002` is declined, `4000000000009995` has
//! no funds, `4000000000000341` pays once and is declined when it is charged later, `4000000000000259` pays and is
//! disputed.

mod cards;
mod form;
mod objects;
mod page;
mod refusal;
mod state;
mod webhook;

use std::sync::{Mutex, PoisonError};

use http::header::{AUTHORIZATION, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::admin::json_response;
use crate::body::{Body, Broken};
use crate::config::StripeConfig;

use self::form::Form;
use self::refusal::Refusal;
use self::state::State;
pub(crate) use self::webhook::{Outbox, deliver};

/// The first parts of paths that are served here.
pub(crate) const HEADS: [&str; 3] = ["v1", "pay", "_stripe"];

#[derive(Debug)]
pub(crate) struct Stripe {
    state: Mutex<State>,
}

/// One request.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl Asked<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where this server is reached.
    fn base(&self) -> String {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
        format!("http://{host}")
    }
}

impl Stripe {
    pub(crate) fn new(config: &StripeConfig, began: u64, outbox: Outbox) -> Self {
        Self { state: Mutex::new(State::new(config, began, outbox)) }
    }

    /// # Errors
    /// [`Broken`] when the connection is to be closed without an answer.
    pub(crate) fn answer(&self, asked: &Asked<'_>) -> Result<Response<Body>, Broken> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Vec<&str> = asked.path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["v1", rest @ ..] => {
                let answer = api(&mut state, asked, rest);
                if asked.method == Method::POST && state.drops_answer() {
                    return Err(Broken);
                }
                Ok(answer)
            }
            ["pay", session] => Ok(pay(&mut state, asked, session)),
            ["_stripe", rest @ ..] => Ok(control(&mut state, asked, rest)),
            _ => Ok(json_response(StatusCode::NOT_FOUND, &json!({"error": "no such call"}))),
        }
    }
}

/// The API proper: credentials, then repeated keys, then the call.
fn api(state: &mut State, asked: &Asked<'_>, rest: &[&str]) -> Response<Body> {
    let key = asked.header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    if !key.is_some_and(|key| key.starts_with("sk_") || key.starts_with("rk_")) {
        return refused(&Refusal::invalid(401, "Invalid API Key provided."));
    }
    let key = asked.header("idempotency-key").filter(|_| asked.method == Method::POST).map(str::to_owned);
    let same = format!("{} {} {}", asked.method, asked.path, String::from_utf8_lossy(asked.body));
    if let Some(kept) = key.as_ref().and_then(|key| state.kept(key)) {
        if kept.request != same {
            return refused(&Refusal::idempotency());
        }
        let mut response = json_response(kept.status, &kept.body);
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        return response;
    }
    let outcome = call(state, asked, rest);
    let (status, body) = match &outcome {
        Ok(body) => (StatusCode::OK, body.clone()),
        Err(refusal) => (refusal.status, refusal.body()),
    };
    // Requests that are not valid never began, so their key is still free.
    if let Some(key) = key
        && (outcome.is_ok() || status == StatusCode::PAYMENT_REQUIRED)
    {
        state.keep(key, same, status, body.clone());
    }
    json_response(status, &body)
}

fn call(state: &mut State, asked: &Asked<'_>, rest: &[&str]) -> Result<Value, Refusal> {
    let form = Form::read(asked.body);
    let query = Form::read(asked.query.as_bytes());
    let mut answer = match (asked.method.as_str(), rest) {
        ("POST", ["customers"]) => Ok(state.open_customer(&form)),
        ("POST", ["checkout", "sessions"]) => state.open_session(&form, &asked.base()),
        ("POST", ["checkout", "sessions", id, "expire"]) => state.expire_session(id),
        ("POST", ["payment_intents"]) => state.charge(&form),
        ("POST", ["refunds"]) => state.refund(&form),
        ("GET", ["checkout", "sessions", id]) => state.show("checkout.session", id),
        ("GET", [list, id]) => state.show(objects::kind(list), id),
        ("GET", [list]) => Ok(state.list(objects::kind(list), &query)),
        _ => Err(Refusal::invalid(404, "Unrecognized request URL.")),
    }?;
    for path in query.all("expand").chain(form.all("expand")) {
        state.expand(&mut answer, path);
    }
    Ok(answer)
}

fn pay(state: &mut State, asked: &Asked<'_>, session: &str) -> Response<Body> {
    if asked.method != Method::POST {
        return page::show(state, session, None);
    }
    let form = Form::read(asked.body);
    match state.pay(session, form.get("card").unwrap_or(cards::GOOD)) {
        Ok(success_url) => {
            let mut response = Response::new(Body::whole(""));
            *response.status_mut() = StatusCode::SEE_OTHER;
            if let Ok(url) = HeaderValue::from_str(&success_url) {
                response.headers_mut().insert(LOCATION, url);
            }
            response
        }
        Err(refusal) => page::show(state, session, Some(&refusal)),
    }
}

fn control(state: &mut State, asked: &Asked<'_>, rest: &[&str]) -> Response<Body> {
    let said: Value = serde_json::from_slice(asked.body).unwrap_or_default();
    let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let outcome = match (asked.method.as_str(), rest) {
        ("PUT", ["webhook"]) => {
            state.set_webhook(text("url"), text("secret"));
            Ok(json!({}))
        }
        ("GET", ["events"]) => Ok(state.events()),
        ("POST", ["events", id, "deliver"]) => state.deliver_again(id),
        ("POST", ["disputes"]) => state.dispute(&text("payment_intent"), said["amount"].as_i64()),
        ("POST", ["disputes", id, "close"]) => state.close_dispute(id, &text("status")),
        ("POST", ["faults"]) => {
            state.set_faults(&said);
            Ok(json!({}))
        }
        _ => Err(Refusal::invalid(404, "no such control call")),
    };
    match outcome {
        Ok(body) => json_response(StatusCode::OK, &body),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    json_response(refusal.status, &refusal.body())
}
