//! What `/` answers where there is no console: the API runs all the same.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue, REFRESH, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};

use crate::http::pages::page;

/// How long a page waits before it looks again, in seconds.
const AGAIN_AFTER: &str = "2";
const BUILD: &str = "cd console && npm ci && npm run build";

#[derive(Template)]
#[template(path = "console.html")]
struct Page {
    title: &'static str,
    says: &'static str,
    command: &'static str,
}

/// It will be there soon; the page looks again by itself.
pub(super) fn being_built(is_browser: bool) -> Response {
    let page = Page {
        title: "The console is being built",
        says: "This takes half a minute or so. The page opens it as soon as it is there.",
        command: "",
    };
    let mut response = shown(&page, StatusCode::SERVICE_UNAVAILABLE, is_browser);
    response.headers_mut().insert(REFRESH, HeaderValue::from_static(AGAIN_AFTER));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(AGAIN_AFTER));
    response
}

/// Nobody builds it here, but whoever reads this may.
pub(super) fn absent(is_browser: bool) -> Response {
    let page = Page {
        title: "The console is not built",
        says: "This build of Patchbay holds no console. In its source code run the command below, then restart Patchbay:",
        command: BUILD,
    };
    shown(&page, StatusCode::OK, is_browser)
}

fn shown(shown: &Page, status: StatusCode, is_browser: bool) -> Response {
    let mut response = if is_browser {
        page(status, "", shown)
    } else {
        let Page { title, says, command } = shown;
        (status, format!("This is Patchbay. {title}. {says}\n{command}\nIts API is at /api/v1.\n"))
            .into_response()
    };
    let fixed: [(HeaderName, &'static str); 2] =
        [(CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    response.headers_mut().extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}
