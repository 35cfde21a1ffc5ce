//! The pages that mails lead to.

use http::Method;
use serde_json::json;

use crate::support::Platform;
use crate::support::browser::Browser;
use crate::support::person::{Letters, Person};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";
const MARKUP: &str = "\"><script>alert(1)</script>";

/// The token of a letter, and that its link leads to the page.
async fn linked(letters: &Letters, email: &str, prefix: &str, path: &str) -> String {
    let token = letters.token(email, prefix, &[]).await;
    let link = format!("{path}?token={token}");
    assert!(letters.all().iter().any(|letter| letter.contains(&link)), "{link}");
    token
}

#[tokio::test]
async fn somebody_who_is_invited_comes_in_by_the_link() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let body = json!({ "email": ADA, "role": "developer" });
    assert_eq!(admin.call(Method::POST, "/invitations", &body).await.status, 201);
    let token = linked(&letters, ADA, "pb-inv-", "/accept-invitation").await;
    let path = format!("/accept-invitation?token={token}");
    let mut browser = Browser::new(&platform);
    assert!(browser.open("/accept-invitation").await.text().contains("name=\"token\""));
    assert_eq!(browser.open("/accept-invitation?token=pb-inv-made-up").await.status, 404);
    assert_eq!(browser.open(&format!("/accept-invitation?token={}", "%22%3E%3Cscript%3E")).await.status, 404);
    let shown = browser.open(&path).await;
    assert!(shown.status == 200 && shown.text().contains(ADA) && shown.text().contains("for=\"password\""));
    let short = [("token", token.as_str()), ("name", MARKUP), ("password", "short")];
    let refused = browser.submit("/accept-invitation", &short).await;
    assert!(refused.status == 400 && refused.text().contains("12 characters"), "{}", refused.text());
    let fields = [("token", token.as_str()), ("name", "Ada"), ("password", PASSWORD)];
    let foreign = [("sec-fetch-site", "cross-site")];
    let body = crate::support::browser::encoded(&fields);
    assert_eq!(browser.send(Method::POST, "/accept-invitation", &foreign, &body).await.status, 403);
    let joined = browser.submit("/accept-invitation", &fields).await;
    assert_eq!(joined.status, 200, "{}", joined.text());
    let mut ada = Person { cookie: browser.cookie.clone(), ..Person::stranger(&platform) };
    let session = ada.get("/session").await.json()["data"].take();
    assert_eq!((&session["user"]["name"], &session["user"]["email"]), (&json!("Ada"), &json!(ADA)));
    assert_eq!(browser.submit("/accept-invitation", &fields).await.status, 404, "once");
    Person::sign_in(&platform, ADA, PASSWORD).await;
    platform.stop().await;
}

#[tokio::test]
async fn somebody_who_is_known_already_accepts_with_a_button() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let database = crate::support::people::owner(&platform).await;
    sqlx::query("insert into identity.person (id, email) values (gen_random_uuid(), $1)")
        .bind(ADA)
        .execute(&database)
        .await
        .unwrap();
    let body = json!({ "email": ADA, "role": "viewer" });
    assert_eq!(admin.call(Method::POST, "/invitations", &body).await.status, 201);
    let token = linked(&letters, ADA, "pb-inv-", "/accept-invitation").await;
    let mut browser = Browser::new(&platform);
    let shown = browser.open(&format!("/accept-invitation?token={token}")).await;
    assert!(!shown.text().contains("name=\"password\""));
    let joined = browser.submit("/accept-invitation", &[("token", &token)]).await;
    assert_eq!((joined.status.as_u16(), browser.cookie.as_str()), (200, ""), "and signs in as always");
    let members: i64 = sqlx::query_scalar(
        "select count(*) from identity.member m join identity.person p on p.id = m.person_id where p.email = $1",
    )
    .bind(ADA)
    .fetch_one(&database)
    .await
    .unwrap();
    assert_eq!(members, 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_the_link() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let (admin, mut browser) = ("admin@patchbay.localhost", Browser::new(&platform));
    assert!(browser.open("/reset-password").await.text().contains("for=\"email\""));
    let nobody = browser.submit("/reset-password", &[("email", "nobody@example.com")]).await;
    let known = browser.submit("/reset-password", &[("email", admin)]).await;
    assert_eq!((nobody.status.as_u16(), &nobody.body), (200, &known.body), "nobody can tell");
    assert_eq!(browser.submit("/reset-password", &[("email", MARKUP)]).await.status, 400);
    let token = linked(&letters, admin, "pb-reset-", "/reset-password").await;
    let shown = browser.open(&format!("/reset-password?token={token}")).await;
    assert!(shown.text().contains("autocomplete=\"new-password\""));
    assert_eq!(browser.open("/reset-password?token=%22%3E%3Cscript%3E").await.status, 200);
    let with = |password: &'static str| [("token", token.clone()), ("password", password.to_owned())];
    for (password, status) in [("short", 400), ("a fresh password", 200), ("yet another one", 404)] {
        let fields = with(password);
        let fields = fields.each_ref().map(|(name, text)| (*name, text.as_str()));
        assert_eq!(browser.submit("/reset-password", &fields).await.status, status, "{password}");
    }
    Person::sign_in(&platform, admin, "a fresh password").await;
    platform.stop().await;
}
