//! People sign in with an account elsewhere.

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::Platform;
use crate::support::client::Answer;
use crate::support::issuer::Issuer;
use crate::support::person::{Letters, Person};

const ADMIN: &str = "admin@patchbay.localhost";

fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let pairs = cookies.filter_map(|cookie| cookie.split(';').next());
    pairs.filter_map(|pair| pair.strip_prefix(&format!("{name}="))).next_back().map(str::to_owned)
}

/// A browser goes to the issuer and comes back.
async fn come_back(platform: &Platform, issuer: &Issuer) -> Answer {
    let started = platform.get("/account/v1/oidc/start", None).await;
    assert_eq!(started.status, 303, "{}", started.text());
    let (state, code) = issuer.visit(started.header("location"));
    let kept = format!("__Host-patchbay-oidc={}", cookie(&started, "__Host-patchbay-oidc").unwrap());
    let path = format!("/account/v1/oidc/callback?state={state}&code={code}&session_state=x");
    platform.call_with(Method::GET, &path, &[("cookie", &kept)], "").await
}

async fn signed_in(platform: &Platform, answer: &Answer) -> Value {
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(answer.header("location"), "/");
    let secret = cookie(answer, "__Host-patchbay").unwrap();
    let mut person = Person { cookie: format!("__Host-patchbay={secret}"), ..Person::stranger(platform) };
    person.get("/session").await.json()["data"].take()
}

#[tokio::test]
async fn somebody_known_by_a_verified_address_signs_in_and_is_known_by_the_account_from_then_on() {
    let issuer = Issuer::start().await;
    let platform = Platform::start_with(&issuer.config(), None).await;
    issuer.vouch(json!({ "email": ADMIN, "email_verified": false }));
    assert_eq!(come_back(&platform, &issuer).await.status, 403, "nobody has seen that the address is theirs");
    issuer.vouch(json!({ "email": ADMIN, "email_verified": true }));
    let session = signed_in(&platform, &come_back(&platform, &issuer).await).await;
    assert_eq!(session["user"]["email"], ADMIN);
    assert_eq!(session["organization"]["role"], "owner");
    issuer.vouch(json!({ "email": "renamed@example.com" }));
    let session = signed_in(&platform, &come_back(&platform, &issuer).await).await;
    assert_eq!(session["user"]["email"], ADMIN, "known by the account, whatever its address is now");
    issuer.vouch(json!({ "sub": "subject-2", "email": ADMIN, "email_verified": true }));
    assert_eq!(come_back(&platform, &issuer).await.status, 403, "another account with the same address");
    platform.stop().await;
    issuer.stop();
}

#[tokio::test]
async fn a_token_that_is_not_for_us_signs_nobody_in() {
    let issuer = Issuer::start().await;
    let platform = Platform::start_with(&issuer.config(), None).await;
    for wrong in [
        json!({ "aud": "another" }),
        json!({ "iss": "http://another.example" }),
        json!({ "exp": 1 }),
        json!({ "nonce": "another" }),
    ] {
        let mut claims = json!({ "email": ADMIN, "email_verified": true });
        for (name, value) in wrong.as_object().unwrap() {
            claims[name] = value.clone();
        }
        issuer.vouch(claims);
        let answer = come_back(&platform, &issuer).await;
        assert_eq!(answer.status, 502, "{wrong}");
        assert_eq!(cookie(&answer, "__Host-patchbay"), None);
    }
    platform.stop().await;
    issuer.stop();
}

#[tokio::test]
async fn an_attempt_ends_in_the_browser_that_began_it_and_once() {
    let issuer = Issuer::start().await;
    let platform = Platform::start_with(&issuer.config(), None).await;
    issuer.vouch(json!({ "email": ADMIN, "email_verified": true }));
    let started = platform.get("/account/v1/oidc/start", None).await;
    let (state, code) = issuer.visit(started.header("location"));
    let path = format!("/account/v1/oidc/callback?state={state}&code={code}");
    assert_eq!(platform.get(&path, None).await.status, 400, "another browser");
    let kept = format!("__Host-patchbay-oidc={state}");
    let back = async || platform.call_with(Method::GET, &path, &[("cookie", &kept)], "").await;
    let denied = format!("/account/v1/oidc/callback?state={state}&error=access_denied");
    let denied = platform.call_with(Method::GET, &denied, &[("cookie", &kept)], "").await;
    assert_eq!(denied.status, 403);
    assert_eq!(back().await.status, 303);
    assert_eq!(back().await.status, 400, "once");
    platform.stop().await;
    issuer.stop();
}

#[tokio::test]
async fn nobody_new_comes_in_without_an_invitation() {
    let (issuer, letters) = (Issuer::start().await, Letters::new());
    let platform = Platform::start_with(&format!("{}{}", letters.config(), issuer.config()), None).await;
    issuer.vouch(json!({ "email": "Ada@example.com", "email_verified": "true", "name": "Ada" }));
    assert_eq!(come_back(&platform, &issuer).await.status, 403);
    let mut admin = Person::admin(&platform).await;
    let invited = json!({ "email": "ada@example.com", "role": "billing" });
    assert_eq!(admin.call(Method::POST, "/invitations", &invited).await.status, 201);
    let session = signed_in(&platform, &come_back(&platform, &issuer).await).await;
    assert_eq!((&session["user"]["name"], &session["user"]["has_password"]), (&json!("Ada"), &json!(false)));
    assert_eq!(session["organization"]["role"], "billing");
    assert_eq!(admin.get("/invitations").await.json()["total_count"], 0, "the invitation is used up");
    let database = sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap();
    sqlx::query("update identity.person set disabled_at = now() where email = 'ada@example.com'")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(come_back(&platform, &issuer).await.status, 403, "disabled");
    platform.stop().await;
    issuer.stop();
}

#[tokio::test]
async fn an_operator_may_let_everybody_in_whom_the_issuer_knows() {
    let issuer = Issuer::start().await;
    let demo = "01920000-0000-7000-8000-000000000001";
    let config = format!("{}organization = \"{demo}\"\ndefault_role = \"viewer\"\n", issuer.config());
    let platform = Platform::start_with(&config, None).await;
    issuer.vouch(json!({ "email": "ada@example.com", "email_verified": true }));
    let session = signed_in(&platform, &come_back(&platform, &issuer).await).await;
    assert_eq!(
        (&session["organization"]["id"], &session["organization"]["role"]),
        (&json!(demo), &json!("viewer"))
    );
    platform.stop().await;
    issuer.stop();
}

#[tokio::test]
async fn without_an_issuer_there_is_no_such_way() {
    let platform = Platform::start().await;
    assert_eq!(platform.get("/account/v1/oidc/start", None).await.status, 404);
    platform.stop().await;
}
