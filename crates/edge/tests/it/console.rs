//! The web console at `/`, from a folder made up here.

use std::path::Path;

use edge::Files;
use http::Method;
use tempfile::TempDir;

use crate::support::Platform;
use crate::support::client::Answer;

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
const INDEX: &str = "<!doctype html><title>Console</title>";
const SCRIPT: &str = "export const answer = 42;";
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A console as the build leaves it, and a secret beside it.
fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("secret.txt", "a secret");
    write("dist/index.html", INDEX);
    write("dist/theme.js", "document;");
    write("dist/icon.svg", "<svg/>");
    write("dist/.vite/manifest.json", "{}");
    write("dist/elsewhere/file.txt", "not built");
    write("dist/assets/index-Ab3_x-9.js", SCRIPT);
    write("dist/assets/index-Ab3_x-9.js.br", "as brotli");
    write("dist/assets/index-Ab3_x-9.js.gz", "as gzip");
    folder
}

async fn serving(folder: &Path) -> Platform {
    let folder = folder.join("dist");
    Platform::start_with(&format!("[edge.console]\nfolder = '{}'", folder.display()), None).await
}

impl Platform {
    async fn look(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call_with(Method::GET, path, headers, "").await
    }
}

/// Status, media type, caching.
fn sort(answer: &Answer) -> (u16, &str, &str) {
    (answer.status.as_u16(), answer.header("content-type"), answer.header("cache-control"))
}

#[tokio::test]
async fn the_console_is_served_with_what_browsers_need_to_know() {
    let folder = built();
    let platform = serving(folder.path()).await;
    let index = (200, "text/html; charset=utf-8", "no-cache");
    for path in ["/", "/keys", "/operator/tenants?search=a", "/model/openai/gpt-4o", "/index.html"] {
        let page = platform.look(path, &[BROWSER]).await;
        assert_eq!((sort(&page), page.text()), (index, INDEX), "{path}");
        assert_eq!(page.header("content-security-policy"), POLICY);
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(page.header("permissions-policy"), "camera=(), microphone=(), geolocation=()");
        assert_eq!(page.header("vary"), "accept, accept-encoding");
    }
    let asset = "/assets/index-Ab3_x-9.js";
    let script = platform.look(asset, &[]).await;
    let expected = (200, "text/javascript; charset=utf-8", "public, max-age=31536000, immutable");
    assert_eq!((sort(&script), script.text()), (expected, SCRIPT));
    assert_eq!(script.header("vary"), "accept-encoding");
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    assert_eq!(sort(&platform.look("/theme.js", &[]).await), (200, expected.1, "no-cache"));
    assert_eq!(sort(&platform.look("/icon.svg", &[]).await), (200, "image/svg+xml", "no-cache"));

    for (accepted, encoding, body) in [
        ("gzip, deflate, br", "br", "as brotli"),
        ("gzip, br;q=0", "gzip", "as gzip"),
        ("identity", "", SCRIPT),
    ] {
        let packed = platform.look(asset, &[("accept-encoding", accepted)]).await;
        assert_eq!((packed.header("content-encoding"), packed.text()), (encoding, body), "{accepted}");
        let tag = packed.header("etag").to_owned();
        let known = [("accept-encoding", accepted), ("if-none-match", tag.as_str())];
        let again = platform.look(asset, &known).await;
        assert_eq!((again.status.as_u16(), again.text(), again.header("etag")), (304, "", tag.as_str()));
        assert_eq!(again.header("cache-control"), expected.2);
        let other = [("accept-encoding", accepted), ("if-none-match", "\"another\"")];
        assert_eq!(platform.look(asset, &other).await.status, 200);
    }
    let head = platform.call_with(Method::HEAD, "/keys", &[BROWSER], "").await;
    assert_eq!((sort(&head), head.text(), head.header("content-length")), (index, "", "37"));
    assert_eq!(platform.call_with(Method::POST, "/", &[BROWSER], "").await.status, 405);
    platform.stop().await;
}

#[tokio::test]
async fn nothing_else_is_shown_and_nothing_of_the_api_is_hidden() {
    let folder = built();
    let platform = serving(folder.path()).await;
    let nothing = |answer: &Answer, path: &str| {
        assert_eq!(answer.error(), (404, 404, "not_found".to_owned()), "{path}: {}", answer.text());
    };
    // No file, and no page either.
    for path in [
        "/assets/gone.js",
        "/assets/",
        "/assets/index-Ab3_x-9.js.br",
        "/assets/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/../../etc/passwd",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "/assets//etc/passwd",
        "/assets/%00",
    ] {
        let answer = platform.look(path, &[BROWSER]).await;
        nothing(&answer, path);
        assert!(path == "/assets/" || answer.header("cache-control") == "no-store", "{path}");
    }
    for path in ["/../secret.txt", "/./secret.txt", "/keys/../../secret.txt", "/.vite/manifest.json", "/.env"]
    {
        nothing(&platform.look(path, &[BROWSER]).await, path);
    }
    for path in
        ["/%2e%2e/secret.txt", "/..%2fsecret.txt", "/secret.txt", "/elsewhere/file.txt", "//secret.txt"]
    {
        let answer = platform.look(path, &[BROWSER]).await;
        assert!(!answer.text().contains("secret") || answer.status == 404, "{path}: {}", answer.text());
        assert!(answer.text() == INDEX || answer.status == 404, "{path}: {}", answer.text());
    }
    for path in [
        "/api",
        "/api/v2/models",
        "/api/v1/nothing",
        "/v1/nothing",
        "/account/v1/nothing",
        "/account",
        "/admin/v1/nothing",
        "/admin",
        "/docs",
        "/docs/errors/nothing",
        "/webhooks",
        "/healthz/nothing",
    ] {
        nothing(&platform.look(path, &[BROWSER]).await, path);
    }
    assert_eq!(platform.look("/healthz", &[BROWSER]).await.text(), "ok\n");
    assert!(platform.look("/reset-password", &[BROWSER]).await.text().contains("for=\"email\""));
    // Programs that err are told so, and are not given a page to read.
    for headers in [&[][..], &[("accept", "*/*")], &[("accept", "application/json")]] {
        nothing(&platform.look("/keys", headers).await, "/keys");
    }
    nothing(&platform.call_with(Method::POST, "/keys", &[BROWSER], "").await, "POST /keys");
    platform.stop().await;
}

#[tokio::test]
async fn a_console_may_come_later_and_be_replaced() {
    let folder = built();
    let platform = Platform::start().await;
    let page = platform.look("/keys", &[BROWSER]).await;
    assert_eq!(sort(&page), (200, "text/html; charset=utf-8", "no-store"));
    assert!(page.text().contains("npm ci &#38;&#38; npm run build"), "{}", page.text());
    let text = platform.look("/", &[]).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    assert!(text.text().contains("cd console && npm ci && npm run build"), "{}", text.text());

    platform.console.set_being_built();
    let page = platform.look("/", &[BROWSER]).await;
    assert_eq!((page.status.as_u16(), page.header("refresh"), page.header("retry-after")), (503, "2", "2"));
    assert!(page.text().contains("is being built") && !page.text().contains("<script"), "{}", page.text());
    assert_eq!(sort(&platform.look("/assets/a.js", &[BROWSER]).await), (404, "application/json", "no-store"));
    assert_eq!(platform.get("/api/v1/models", None).await.status, 200, "the API does not wait for it");

    let dist = folder.path().join("dist");
    platform.console.put(Files::read(&dist).unwrap());
    assert_eq!(platform.look("/", &[]).await.text(), INDEX, "whoever asks");
    std::fs::write(dist.join("index.html"), "another").unwrap();
    assert_eq!(platform.look("/", &[BROWSER]).await.text(), INDEX, "files are read once");
    platform.console.put(Files::read(&dist).unwrap());
    assert_eq!(platform.look("/", &[BROWSER]).await.text(), "another");

    assert!(Files::read(folder.path()).is_err(), "no index.html");
    let elsewhere = platform.second_edge("[edge.console]\nfolder = '/nowhere'").await;
    elsewhere.stop().await;
    platform.stop().await;
}
