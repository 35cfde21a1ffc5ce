//! What others try with the page: forged forms, other addresses, text that is no text.

use http::Method;
use sqlx::AssertSqlSafe;

use super::consent::{chosen, page};
use super::{CALLBACK, owner};
use crate::support::Platform;
use crate::support::browser::{Browser, encoded, value};
use crate::support::people::Person;

const MARKUP: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

async fn count(platform: &Platform, table: &str) -> i64 {
    let statement = AssertSqlSafe(format!("select count(*) from identity.{table}"));
    sqlx::query_scalar(statement).fetch_one(&owner(platform).await).await.unwrap()
}

#[tokio::test]
async fn a_form_counts_only_from_the_page_and_the_session_that_it_is_of() {
    let platform = Platform::start().await;
    let (ada, eve) =
        (Person::join(&platform, "ada", "admin").await, Person::join(&platform, "eve", "admin").await);
    let mut browser = Browser::of(&platform, &ada.secret);
    let path = page(&[("callback_url", CALLBACK)]);
    let consent = browser.open(&path).await;
    let (token, place) = (value(&consent, "csrf_token"), chosen(&consent));
    let eves = value(&Browser::of(&platform, &eve.secret).open(&path).await, "csrf_token");
    for forged in ["", "0", &eves] {
        let fields = [("csrf_token", forged), ("place", place.as_str()), ("decision", "allow")];
        let refused = browser.submit(&path, &fields).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (403, ""), "{forged}");
    }
    let body = encoded(&[("csrf_token", &token), ("place", &place), ("decision", "allow")]);
    for headers in [
        [("sec-fetch-site", "cross-site"), ("x", "")],
        [("sec-fetch-site", "same-site"), ("x", "")],
        [("origin", "https://evil.example"), ("x", "")],
        [("origin", "null"), ("x", "")],
    ] {
        let refused = browser.send(Method::POST, &path, &headers, &body).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (403, ""), "{headers:?}");
    }
    let sign_in = path.replace("/auth?", "/auth/sign-in?");
    let body = encoded(&[("email", "admin@patchbay.localhost"), ("password", "a password of tests")]);
    let foreign = [("sec-fetch-site", "cross-site")];
    let refused = Browser::new(&platform).send(Method::POST, &sign_in, &foreign, &body).await;
    assert_eq!((refused.status.as_u16(), refused.header("set-cookie")), (403, ""));
    assert_eq!(count(&platform, "auth_code").await, 0);
    let mut stranger = Browser::new(&platform);
    let fields = [("csrf_token", token.as_str()), ("place", &place), ("decision", "allow")];
    let asked = stranger.submit(&path, &fields).await;
    assert!(asked.status == 200 && asked.text().contains("name=\"password\""), "signed in first");
    platform.stop().await;
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_no_callback() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "admin").await;
    let mut browser = Browser::of(&platform, &ada.secret);
    let good = browser.open(&page(&[("callback_url", CALLBACK)])).await;
    let (token, place) = (value(&good, "csrf_token"), chosen(&good));
    for address in [
        "http://evil.example/",
        "//evil.example/",
        "/",
        "javascript:alert(1)",
        "https://app.example.com@evil.example/",
        "https://user:pw@app.example.com/",
        "https:\\\\evil.example",
        "http://localhost.evil.example/",
        "https://app.example.com/\r\nset-cookie: a=b",
        "https://app.example.com/?code=mine",
        "https://app.example.com/#",
    ] {
        let path = page(&[("callback_url", address), ("state", "s")]);
        for decision in ["allow", "deny"] {
            let fields = [("csrf_token", token.as_str()), ("place", &place), ("decision", decision)];
            for answer in [browser.open(&path).await, browser.submit(&path, &fields).await] {
                assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{address}");
            }
        }
        let fields = [("email", "admin@patchbay.localhost"), ("password", "a password of tests")];
        let answer = browser.submit(&path.replace("/auth?", "/auth/sign-in?"), &fields).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{address}");
    }
    assert_eq!(count(&platform, "auth_code").await, 0);
    platform.stop().await;
}

#[tokio::test]
async fn whatever_is_sent_is_shown_as_text() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "admin").await;
    let database = owner(&platform).await;
    for table in ["organisation", "workspace"] {
        let statement = AssertSqlSafe(format!("update identity.{table} set name = $1"));
        sqlx::query(statement).bind(MARKUP).execute(&database).await.unwrap();
    }
    let mut browser = Browser::of(&platform, &ada.secret);
    let hosted = format!("https://app.example.com/{}", "\"'><script>alert(1)</script>");
    let names = [
        "callback_url",
        "code_challenge",
        "code_challenge_method",
        "key_label",
        "limit",
        "usage_limit_type",
        "expires_at",
        "workspace_id",
        "state",
        "unknown",
    ];
    // The browser looks at each page for what must not be there.
    for name in names {
        for text in [MARKUP, &hosted] {
            let good = [
                ("callback_url", CALLBACK),
                ("code_challenge", super::CHALLENGE),
                ("code_challenge_method", "S256"),
            ];
            let mut pairs: Vec<(&str, &str)> = good.into_iter().filter(|(of, _)| *of != name).collect();
            pairs.push((name, text));
            let path = format!("/auth?{}", encoded(&pairs));
            let (seen, stranger) = (browser.open(&path).await, Browser::new(&platform).open(&path).await);
            assert!(matches!(seen.status.as_u16(), 200 | 400), "{name}");
            // Who is asked first sees it when they are signed in.
            assert!(stranger.status == seen.status || name == "workspace_id", "{name}");
            let sign_in = path.replace("/auth?", "/auth/sign-in?");
            let tried = Browser::new(&platform).submit(&sign_in, &[("email", text), ("password", "x")]).await;
            assert!(matches!(tried.status.as_u16(), 400 | 401), "{name}: {}", tried.status);
        }
    }
    let path = page(&[("callback_url", CALLBACK), ("key_label", "<b>bold</b>")]);
    let consent = browser.open(&path).await;
    assert!(
        consent.text().contains("&#60;b&#62;bold") && !consent.text().contains("<b>"),
        "{}",
        consent.text()
    );
    assert!(consent.text().contains("alert(1)"), "names are shown, as text");
    let (token, place) = (value(&consent, "csrf_token"), chosen(&consent));
    for (name, text) in [("place", MARKUP), ("limit", MARKUP), ("limit_reset", MARKUP)] {
        let mut fields =
            vec![("csrf_token", token.as_str()), ("place", &place), ("limit", "x"), ("decision", "allow")];
        fields.push((name, text));
        assert_eq!(browser.submit(&path, &fields).await.status, 400, "{name}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn guessing_passwords_is_stopped_on_the_page_too() {
    let platform = Platform::start_with("[edge.sessions]\nfailures_per_email = 2\n", None).await;
    let path = page(&[("callback_url", CALLBACK)]).replace("/auth?", "/auth/sign-in?");
    let mut browser = Browser::new(&platform);
    let email = ("email", "admin@patchbay.localhost");
    for _ in 0..2 {
        assert_eq!(browser.submit(&path, &[email, ("password", "guess")]).await.status, 401);
    }
    let stopped = browser.submit(&path, &[email, ("password", "a password of tests")]).await;
    assert_eq!((stopped.status.as_u16(), browser.cookie.as_str()), (429, ""));
    assert!(stopped.header("retry-after").parse::<u64>().is_ok());
    platform.stop().await;
}
