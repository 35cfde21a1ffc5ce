//! The page on which somebody allows an app a key.

use http::Method;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{CALLBACK, CHALLENGE, exchange, manage, owner, proof};
use crate::support::Platform;
use crate::support::browser::{Browser, encoded, value};
use crate::support::people::Person;

const EMAIL: &str = "admin@patchbay.localhost";
const PASSWORD: &str = "a password of tests";

/// The address of the page, with these beside the challenge.
pub(super) fn page(more: &[(&str, &str)]) -> String {
    let mut pairs = vec![("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    pairs.extend_from_slice(more);
    format!("/auth?{}", encoded(&pairs))
}

/// What the browser is sent back to the app with.
fn sent_back(location: &str, name: &str) -> Option<String> {
    assert!(location.starts_with(CALLBACK), "{location}");
    let url = Url::parse(location).unwrap();
    url.query_pairs().find(|(of, _)| of == name).map(|(_, value)| value.into_owned())
}

/// The place that the form has chosen.
pub(super) fn chosen(page: &crate::support::client::Answer) -> String {
    let text = page.text();
    let before = text.split("\" selected>").next().unwrap();
    before.rsplit('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn somebody_signs_in_allows_and_the_app_has_its_key() {
    let platform = Platform::start().await;
    let mut browser = Browser::new(&platform);
    let path = page(&[
        ("callback_url", "https://app.example.com/back?next=1"),
        ("state", "a b&c=\"<"),
        ("limit", "5"),
    ]);
    let asked = browser.open(&path).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("app.example.com") && asked.text().contains("for=\"password\""));
    let sign_in = path.replace("/auth?", "/auth/sign-in?");
    let wrong = browser.submit(&sign_in, &[("email", EMAIL), ("password", "wrong")]).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("role=\"alert\"") && browser.cookie.is_empty());
    let right = browser.submit(&sign_in, &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert_eq!(right.status, 303);
    assert!(right.header("location").starts_with("/auth?"));

    let consent = browser.open(right.header("location")).await;
    assert_eq!(consent.status, 200, "{}", consent.text());
    let policy = consent.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https:;"), "{policy}");
    for shown in
        [EMAIL, "app.example.com", "https://app.example.com/back?next=1", "for=\"place\"", "for=\"limit\""]
    {
        assert!(consent.text().contains(shown), "{shown}");
    }
    let (token, place) = (value(&consent, "csrf_token"), chosen(&consent));
    assert!(place.starts_with(&platform.tenant.to_string()));
    let fields =
        [("csrf_token", token.as_str()), ("place", &place), ("limit", "7.5"), ("limit_reset", "daily")];
    let wrong = [&fields[..2], &[("limit", "lots"), ("decision", "allow")]].concat();
    let again = browser.submit(&path, &wrong).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("value=\"lots\"") && again.text().contains("role=\"alert\""));

    let allowed = browser.submit(&path, &[&fields[..], &[("decision", "allow")]].concat()).await;
    assert_eq!(allowed.status, 303, "{}", allowed.text());
    let location = allowed.header("location");
    assert_eq!(sent_back(location, "state").as_deref(), Some("a b&c=\"<"));
    assert_eq!(sent_back(location, "next").as_deref(), Some("1"));
    let got = exchange(&platform, &proof(&sent_back(location, "code").unwrap())).await;
    assert_eq!(got.status, 200, "{}", got.text());
    let key = platform.get("/api/v1/key", got.json()["key"].as_str()).await.json()["data"].take();
    assert_eq!((key["limit"].as_f64(), &key["limit_reset"]), (Some(7.5), &json!("daily")));
    let log = super::audited(&platform).await;
    assert!(
        log.iter().all(|(actor, ..)| *actor == format!("user:{}", got.json()["user_id"].as_str().unwrap()))
    );
    platform.stop().await;
}

#[tokio::test]
async fn an_app_without_an_address_has_its_code_shown() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "developer").await;
    let mut browser = Browser::of(&platform, &ada.secret);
    let bare = browser.open("/auth?key_label=CLI").await;
    assert_eq!(bare.status, 400, "a code on the screen needs a challenge");
    let consent = browser.open(&page(&[("key_label", "CLI")])).await;
    let (token, place) = (value(&consent, "csrf_token"), chosen(&consent));
    let fields = [("csrf_token", token.as_str()), ("place", &place), ("decision", "allow")];
    let shown = browser.submit(&page(&[("key_label", "CLI")]), &fields).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    let text = shown.text();
    let at = text.find("pb-code-").unwrap();
    let code: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let got = exchange(&platform, &proof(&code)).await.json();
    assert_eq!(got["user_id"], ada.id.to_string());
    let listed = manage(&platform, Method::GET, "/keys", "").await.json();
    assert_eq!(listed["data"][0]["name"], "CLI");
    let denied = browser.submit(&page(&[]), &[("csrf_token", &token), ("decision", "deny")]).await;
    assert_eq!((denied.status.as_u16(), denied.header("location")), (200, ""));
    platform.stop().await;
}

#[tokio::test]
async fn denying_goes_back_to_the_app_without_a_code() {
    let platform = Platform::start().await;
    let ada = Person::join(&platform, "ada", "viewer").await;
    let mut browser = Browser::of(&platform, &ada.secret);
    let path = page(&[("callback_url", CALLBACK), ("state", "s")]);
    let consent = browser.open(&path).await;
    assert!(
        consent.text().contains("<strong>viewer</strong>, which may not make keys"),
        "{}",
        consent.text()
    );
    assert!(!consent.text().contains("value=\"allow\""), "there is nothing to allow");
    let token = value(&consent, "csrf_token");
    let denied = browser.submit(&path, &[("csrf_token", &token), ("decision", "deny")]).await;
    assert_eq!(denied.status, 303);
    assert_eq!(denied.header("location"), format!("{CALLBACK}?error=access_denied&state=s"));
    let place: (Uuid, Uuid) =
        sqlx::query_as("select tenant_id, id from identity.workspace where tenant_id = $1 limit 1")
            .bind(platform.tenant.uuid())
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    let place = format!("{}.{}", place.0, place.1);
    let tried = [("csrf_token", token.as_str()), ("decision", "allow"), ("place", &place)];
    let refused = browser.submit(&path, &tried).await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (400, ""), "nor does asking help");
    platform.stop().await;
}

#[tokio::test]
async fn somebody_of_several_organisations_says_which_one_pays() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let ada = Person::join(&platform, "ada", "developer").await;
    let other: Uuid = sqlx::query_scalar(
        "insert into identity.member (tenant_id, person_id, role)
         select id, $1, 'admin' from identity.organisation where id <> $2 limit 1 returning tenant_id",
    )
    .bind(ada.id)
    .bind(platform.tenant.uuid())
    .fetch_one(&database)
    .await
    .unwrap();
    let closed = manage(&platform, Method::POST, "/workspaces", r#"{"name":"Closed","slug":"closed"}"#).await;
    let closed = closed.json()["data"]["id"].as_str().unwrap().to_owned();
    let mut browser = Browser::of(&platform, &ada.secret);
    let path = page(&[("callback_url", CALLBACK)]);
    let consent = browser.open(&path).await;
    assert!(consent.text().contains(&format!("value=\"{other}.")));
    assert!(!consent.text().contains(&closed), "developers have keys where they are");
    let token = value(&consent, "csrf_token");
    let hers: Uuid = sqlx::query_scalar("select id from identity.workspace where tenant_id = $1 limit 1")
        .bind(other)
        .fetch_one(&database)
        .await
        .unwrap();
    for foreign in [
        format!("{}.{closed}", platform.tenant),
        format!("{}.{hers}", platform.tenant),
        format!("{other}.{}", Uuid::now_v7()),
        String::new(),
    ] {
        let fields = [("csrf_token", token.as_str()), ("decision", "allow"), ("place", &foreign)];
        let refused = browser.submit(&path, &fields).await;
        assert_eq!((refused.status.as_u16(), refused.header("location")), (400, ""), "{foreign}");
    }
    let wanted = page(&[("callback_url", CALLBACK), ("workspace_id", &hers.to_string())]);
    let consent = browser.open(&wanted).await;
    assert_eq!(chosen(&consent), format!("{other}.{hers}"), "as the app would like");
    let unknown = page(&[("callback_url", CALLBACK), ("workspace_id", &closed)]);
    assert_eq!(browser.open(&unknown).await.status, 400);
    let place = format!("{other}.{hers}");
    let fields = [("csrf_token", token.as_str()), ("decision", "allow"), ("place", &place)];
    let allowed = browser.submit(&path, &fields).await;
    let code = sent_back(allowed.header("location"), "code").unwrap();
    let got: Value = exchange(&platform, &proof(&code)).await.json();
    let tenant: Uuid = sqlx::query_scalar("select tenant_id from identity.api_key where hash = $1")
        .bind(identity::KeyHash::of(got["key"].as_str().unwrap()).0.as_slice())
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(tenant, other);
    platform.stop().await;
}
