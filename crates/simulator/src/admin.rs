//! The admin calls: scripts, log and state.
//!
//! | Call | Does |
//! |---|---|
//! | `PUT /_admin/faults/{model or *}` | sets the script (or a list of them) of a model; `?provider=` or the prefix `/p/{provider}` names the provider, else it is any |
//! | `GET /_admin/faults` | lists the scripts |
//! | `DELETE /_admin/faults[/{model}]` | forgets them |
//! | `GET /_admin/log?provider=&model=&after=&limit=` | the entries, oldest first |
//! | `DELETE /_admin/log` | forgets the entries |
//! | `GET /_admin/requests?provider=&model=&limit=` | the newest requests as they arrived, without credentials, oldest first: method, path, query, headers, body |
//! | `DELETE /_admin/requests` | forgets them |
//! | `GET /_admin/state` | totals by provider and model, and the configuration |
//! | `DELETE /_admin/state` | forgets scripts, log, requests, totals and prompt caches |

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Body;
use crate::faults::ANY;
use crate::route::{Target, decoded};
use crate::script::Script;
use crate::simulator::Simulator;

const USUAL_LIMIT: usize = 1000;

impl Simulator {
    pub(crate) fn admin(
        &self,
        method: &Method,
        target: &Target,
        rest: &str,
        query: &str,
        body: &[u8],
    ) -> Response<Body> {
        let parameter = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(decoded)
        };
        let provider = if target.named { Some(target.provider.clone()) } else { parameter("provider") };
        let (what, model) = rest.split_once('/').unwrap_or((rest, ""));
        let model = (!model.is_empty()).then_some(model);
        match (method.as_str(), what) {
            ("PUT", "faults") => self.put_faults(provider.as_deref(), model, body),
            ("GET", "faults") => json_response(StatusCode::OK, &self.faults.describe()),
            ("DELETE", "faults") => {
                self.faults.clear(provider.as_deref(), model);
                done()
            }
            ("GET", "log") => {
                let number = |name: &str| parameter(name).and_then(|value| value.parse::<u64>().ok());
                let limit =
                    number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(USUAL_LIMIT);
                let model = parameter("model");
                let entries = self.log.entries(number("after").unwrap_or(0), limit, |entry| {
                    provider.as_ref().is_none_or(|wanted| *wanted == entry.provider)
                        && model.as_ref().is_none_or(|wanted| *wanted == entry.model)
                });
                json_response(StatusCode::OK, &json!(entries))
            }
            ("DELETE", "log") => {
                self.log.clear();
                done()
            }
            ("GET", "requests") => {
                let limit = parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(USUAL_LIMIT);
                let model = parameter("model");
                let requests = self.received.newest(limit, provider.as_deref(), model.as_deref());
                let requests = requests.iter().map(|request| json!(**request));
                json_response(StatusCode::OK, &requests.collect())
            }
            ("DELETE", "requests") => {
                self.received.clear();
                done()
            }
            ("GET", "state") => json_response(StatusCode::OK, &self.state()),
            ("DELETE", "state") => {
                self.faults.clear(None, None);
                self.log.reset();
                self.received.clear();
                self.cache.clear();
                done()
            }
            _ => json_response(StatusCode::NOT_FOUND, &json!({"error": "no such admin call"})),
        }
    }

    fn put_faults(&self, provider: Option<&str>, model: Option<&str>, body: &[u8]) -> Response<Body> {
        let scripts = match serde_json::from_slice::<Value>(body) {
            Ok(list @ Value::Array(_)) => serde_json::from_value::<Vec<Script>>(list),
            Ok(one) => serde_json::from_value::<Script>(one).map(|script| vec![script]),
            Err(error) => Err(error),
        };
        match scripts {
            Ok(scripts) => {
                self.faults.set(provider.unwrap_or(ANY), model.unwrap_or(ANY), scripts);
                done()
            }
            Err(error) => json_response(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()})),
        }
    }

    fn state(&self) -> Value {
        let totals: Vec<Value> = self
            .log
            .totals()
            .into_iter()
            .map(
                |((provider, model), totals)| json!({"provider": provider, "model": model, "totals": totals}),
            )
            .collect();
        json!({"totals": totals, "faults": self.faults.describe(), "config": self.config})
    }
}

/// A JSON response.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn done() -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
