//! The page where a session is paid.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;

use super::refusal::Refusal;
use super::state::State;

const CARDS: [(&str, &str); 5] = [
    ("4242424242424242", "pays"),
    ("4000000000000002", "is declined"),
    ("4000000000009995", "has no funds"),
    ("4000000000000341", "pays now, is declined later"),
    ("4000000000000259", "pays and is disputed"),
];

pub(super) fn show(state: &State, session: &str, refusal: Option<&Refusal>) -> Response<Body> {
    let Ok(found) = state.show("checkout.session", session) else {
        return html(StatusCode::NOT_FOUND, "<p>There is no such page.</p>");
    };
    let total = found["amount_total"].as_i64().unwrap_or(0);
    let problem =
        refusal.map(|refusal| format!("<p role=\"alert\">{}</p>", refusal.message)).unwrap_or_default();
    let status = refusal.map_or(StatusCode::OK, |refusal| refusal.status);
    let body = if found["status"] == "open" {
        let options: String = CARDS
            .map(|(number, does)| format!("<option value=\"{number}\">{number}: {does}</option>"))
            .concat();
        format!(
            "<form method=\"post\"><label>Card <select name=\"card\">{options}</select></label> \
             <button>Pay ${}.{:02}</button></form>",
            total / 100,
            total % 100
        )
    } else {
        "<p>This page is closed.</p>".to_owned()
    };
    html(status, &format!("{problem}{body}"))
}

fn html(status: StatusCode, body: &str) -> Response<Body> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Simulated payment</title>\
         <h1>Simulated payment</h1><p>No money moves here.</p>{body}</html>"
    );
    let mut response = Response::new(Body::whole(page));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}
