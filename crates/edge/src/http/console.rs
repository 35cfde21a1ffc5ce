//! The web console at `/`: static files, and what is shown where there are none. `console/README.md` says what is
//! answered how.

mod absent;
mod answer;
mod files;
mod site;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use dialect::error::ErrorType;
use http::header::ACCEPT;
use http::{HeaderMap, Method, Uri};

use self::answer::answer;
pub use self::files::Files;
use self::files::INDEX;
pub use self::site::Site;
use self::site::State as Console;
use super::accept::accepts;
use super::reply::Refusal;
use super::routes::unknown_path;
use crate::service::App;

/// By what the answers at a page's address differ.
pub(super) const VARIES: &str = "accept, accept-encoding";
/// Whose names hold a hash of their content.
const ASSETS: &str = "/assets/";
/// First parts of paths that are the service's own, also where there is nothing at them.
const SERVICE: [&str; 10] = [
    "accept-invitation",
    "account",
    "admin",
    "api",
    "auth",
    "docs",
    "healthz",
    "reset-password",
    "v1",
    "webhooks",
];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(serve)).route("/assets/{*file}", get(serve))
}

/// What no route takes: perhaps a page of the console.
pub(super) async fn elsewhere(
    State(app): State<Arc<App>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) || is_of_service(uri.path()) || is_hidden(uri.path()) {
        return unknown_path(&uri);
    }
    find(&app.console, &uri, &headers)
}

async fn serve(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap) -> Response {
    find(&app.console, &uri, &headers)
}

/// Paths are looked up as they were sent, among the files that are held: none of them is ever a path on a disk.
fn find(site: &Site, uri: &Uri, headers: &HeaderMap) -> Response {
    let path = uri.path();
    let state = site.state();
    let is_page = path == "/" || wants_page(headers);
    match &**state {
        Console::There(files) => match files.get(path.strip_prefix('/').unwrap_or(path)) {
            Some(file) => answer(file, headers),
            None if path.starts_with(ASSETS) => missing_asset(uri),
            None => match files.get(INDEX).filter(|_| is_page) {
                Some(index) => answer(index, headers),
                None => unknown_path(uri),
            },
        },
        _ if path.starts_with(ASSETS) => missing_asset(uri),
        Console::BeingBuilt if is_page => absent::being_built(wants_page(headers)),
        Console::Absent if is_page => absent::absent(wants_page(headers)),
        _ => unknown_path(uri),
    }
}

/// Never a page: whoever asks is a page of a former version, and has to notice.
fn missing_asset(uri: &Uri) -> Response {
    let message = format!("There is nothing at {}.", uri.path());
    Refusal::new(ErrorType::NotFound, message).into_response()
}

fn is_of_service(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    SERVICE.contains(&first)
}

/// Whether a part of a path begins with a dot, as `..` and `.vite` do.
fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

/// Whether a browser opens a page, and does not fetch something for one.
fn wants_page(headers: &HeaderMap) -> bool {
    accepts(headers, &ACCEPT, "text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_page_of_the_console_is_hidden_by_the_service() {
        let router = include_str!("../../../../console/src/router.tsx");
        let pages: Vec<&str> = router
            .lines()
            .filter_map(|line| line.trim().strip_prefix("path: \"")?.strip_suffix("\","))
            .collect();
        assert!(pages.contains(&"/models") && pages.contains(&"/operator"), "{pages:?}");
        assert_eq!(pages.into_iter().find(|page| is_of_service(page)), None);
    }
}
