//! People sign in, keep their sessions in order, and get back in when they forgot their password.

use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;

use http::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::support::client::Answer;
use crate::support::person::{Letters, Person};
use crate::support::{Platform, eventually};

const ADMIN: &str = "admin@patchbay.localhost";
const PASSWORD: &str = "a password of tests";

/// Past every policy.
async fn owner(platform: &Platform) -> sqlx::PgPool {
    sqlx::PgPool::connect(platform.database.url().expose_secret()).await.unwrap()
}

/// How often something was written down, in this organisation or none.
async fn audited(platform: &Platform, action: &str) -> i64 {
    let counted = sqlx::query_scalar("select count(*) from identity.audit_log where action = $1");
    counted.bind(action).fetch_one(&owner(platform).await).await.unwrap()
}

#[tokio::test]
async fn a_session_lives_in_a_cookie_that_only_this_host_is_sent() {
    let platform = Platform::start().await;
    let mut admin = Person::stranger(&platform);
    let answer = admin.try_to_sign_in(" Admin@Patchbay.localhost", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax");
    let secret = pair.strip_prefix("__Host-patchbay=").unwrap();
    assert_eq!(secret.len(), 64, "256 bits");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let session = admin.get("/session").await.json()["data"].take();
    assert_eq!(session, answer.json()["data"]);
    assert_eq!(session["user"]["email"], ADMIN);
    assert_eq!(session["user"]["is_platform_admin"], true);
    assert_eq!(session["organization"]["id"], platform.tenant.to_string());
    assert_eq!(session["organization"]["role"], "owner");
    assert_eq!(session["organizations"].as_array().unwrap().len(), 1);

    let kept: i64 =
        sqlx::query_scalar("select count(*) from identity.session where position($1 in session::text) > 0")
            .bind(secret)
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    assert_eq!(kept, 0, "the secret is not at rest");
    let tenant: Option<uuid::Uuid> =
        sqlx::query_scalar("select tenant_id from identity.audit_log where action = 'person.sign_in'")
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    assert_eq!(tenant, Some(platform.tenant.uuid()));
    platform.stop().await;
}

#[tokio::test]
async fn signing_out_ends_the_session_and_signing_in_again_changes_its_secret() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    let first = admin.cookie.clone();
    assert_eq!(admin.try_to_sign_in(ADMIN, PASSWORD).await.status, 200);
    assert_ne!(admin.cookie, first);
    let mut old = Person { cookie: first, ..Person::stranger(&platform) };
    assert_eq!(old.get("/session").await.status, 401, "the session before has ended");

    let csrf = std::mem::take(&mut admin.csrf);
    assert_eq!(admin.call(Method::POST, "/sign-out", &Value::Null).await.status, 403, "without the token");
    admin.csrf = csrf;
    let kept = admin.cookie.clone();
    let answer = admin.call(Method::POST, "/sign-out", &Value::Null).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(admin.cookie, "");
    admin.cookie = kept;
    assert_eq!(admin.get("/session").await.status, 401);
    platform.stop().await;
}

#[tokio::test]
async fn nobody_can_tell_an_unknown_address_from_a_wrong_password() {
    let platform = Platform::start().await;
    let mut stranger = Person::stranger(&platform);
    let wrong = stranger.try_to_sign_in(ADMIN, "not the password").await;
    assert_eq!(wrong.error(), (401, 401, "authentication".to_owned()));
    for email in ["nobody@example.com", "no address", ""] {
        let unknown = stranger.try_to_sign_in(email, "not the password").await;
        assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body), "{email}");
        assert_eq!(unknown.header("set-cookie"), "");
    }
    sqlx::query("update identity.person set disabled_at = now()")
        .execute(&owner(&platform).await)
        .await
        .unwrap();
    let disabled = stranger.try_to_sign_in(ADMIN, PASSWORD).await;
    assert_eq!((disabled.status, &disabled.body), (wrong.status, &wrong.body));
    assert_eq!(audited(&platform, "person.sign_in").await, 0, "failures are counted, not written down");
    platform.stop().await;
}

#[tokio::test]
async fn guessing_is_stopped_for_the_address_that_is_guessed_at() {
    let platform = Platform::start_with("[edge.sessions]\nfailures_per_email = 3\n", None).await;
    let mut guesser = Person::stranger(&platform);
    for _ in 0..3 {
        assert_eq!(guesser.try_to_sign_in(ADMIN, "guess").await.status, 401);
    }
    let stopped = guesser.try_to_sign_in(ADMIN, PASSWORD).await;
    assert_eq!(stopped.status, 429, "even with the right password");
    let wait: u64 = stopped.header("retry-after").parse().unwrap();
    assert!((1..=900).contains(&wait), "{wait}");
    assert_eq!(guesser.try_to_sign_in("else@example.com", "guess").await.status, 401, "others are not");
    platform.stop().await;
}

#[tokio::test]
async fn guessing_is_stopped_for_the_client_that_guesses_and_only_for_that_one() {
    let config = "trusted_proxies = [\"127.0.0.0/8\"]\n[edge.sessions]\nfailures_per_client = 3\n";
    let platform = Platform::start_with(config, None).await;
    let sign_in = async |email: &str, password: &str, from: &str| {
        let body = json!({ "email": email, "password": password }).to_string();
        let headers = [("x-forwarded-for", from)];
        platform.call_with(Method::POST, "/account/v1/sign-in", &headers, &body).await.status
    };
    for number in 0..3 {
        assert_eq!(sign_in(&format!("a{number}@example.com"), "guess", "1.1.1.1, 203.0.113.7").await, 401);
    }
    assert_eq!(sign_in(ADMIN, PASSWORD, "2.2.2.2, 203.0.113.7").await, 429);
    assert_eq!(sign_in(ADMIN, PASSWORD, "203.0.113.8").await, 200);
    platform.stop().await;
}

/// Where sign-ins come from is what a proxy says.
const PROXIED: &str = "trusted_proxies = [\"127.0.0.0/8\"]\n[edge.sessions]\n";

/// Signs in from this address.
async fn sign_in_from(platform: &Platform, from: &str, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password }).to_string();
    platform.call_with(Method::POST, "/account/v1/sign-in", &[("x-forwarded-for", from)], &body).await
}

#[tokio::test]
async fn whoever_guesses_at_an_address_holds_up_themselves_and_not_its_owner() {
    let platform = Platform::start_with(&format!("{PROXIED}failures_per_email = 2\n"), None).await;
    let guess = async |from: &str| sign_in_from(&platform, from, ADMIN, "guess").await.status.as_u16();
    for from in ["203.0.113.7", "2001:db8:1:2::a"] {
        assert_eq!((guess(from).await, guess(from).await, guess(from).await), (401, 401, 429), "{from}");
    }
    assert_eq!(guess("2001:db8:1:2:ffff::b").await, 429, "another address of one network");
    for from in ["203.0.113.8", "2001:db8:1:3::a"] {
        let owner = sign_in_from(&platform, from, ADMIN, PASSWORD).await;
        assert_eq!(owner.status, 200, "from {from}: {}", owner.text());
    }
    assert_eq!(guess("203.0.113.7").await, 429, "whoever signs in elsewhere forgives nobody here");
    platform.stop().await;
}

#[tokio::test]
async fn guessing_from_many_networks_is_slowed_whether_there_is_such_a_person_or_not() {
    let config = format!("{PROXIED}failures_per_email_everywhere = 2\n");
    let platform = Platform::start_with(&config, None).await;
    for (net, email) in [(1, ADMIN), (2, "nobody@example.com")] {
        let mut answers = Vec::new();
        // More than there may be in a minute, and in the ones after it where a machine is slow.
        for number in 0..10 {
            let from = format!("203.0.{net}.{number}");
            answers.push(sign_in_from(&platform, &from, email, "guess").await);
            if answers.last().is_some_and(|answer| answer.status == 429) {
                break;
            }
        }
        let stopped = answers.last().unwrap();
        assert_eq!(stopped.error(), (429, 429, "rate_limit_exceeded".to_owned()), "{email}");
        let wait: u64 = stopped.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "its owner waits for {wait} s");
        assert!(answers.len() > 2, "{email}: only {} tries", answers.len());
    }
    platform.stop().await;
}

#[tokio::test]
async fn guesses_from_elsewhere_hold_nobody_up_where_they_signed_in_before() {
    let config = format!("{PROXIED}failures_per_email = 2\nfailures_per_email_everywhere = 1\n");
    let platform = Platform::start_with(&config, None).await;
    let home = "2001:db8:1:2::a";
    assert_eq!(sign_in_from(&platform, home, ADMIN, PASSWORD).await.status, 200);
    let guessers = AtomicU16::new(0);
    let guess = async || {
        let from = format!("2001:db8:2:{:x}::a", guessers.fetch_add(1, Relaxed));
        sign_in_from(&platform, &from, ADMIN, "guess").await.status.as_u16()
    };
    let slowed = async || Some(guess().await).filter(|status| *status == 429);
    eventually("guesses from many networks are slowed", slowed).await;
    // A minute may begin in between.
    let elsewhere = sign_in_from(&platform, "203.0.113.7", ADMIN, PASSWORD).await.status;
    assert!(elsewhere == 429 || guess().await != 429, "who is not known there waits with the guessers");
    for from in [home, "2001:db8:1:2:ffff::b"] {
        let owner = sign_in_from(&platform, from, ADMIN, PASSWORD).await;
        assert_eq!(owner.status, 200, "from {from}, where they are known: {}", owner.text());
    }
    for status in [401, 401, 429] {
        let guess = sign_in_from(&platform, home, ADMIN, "guess").await;
        assert_eq!(guess.status, status, "guesses from a known place have its own count");
    }
    let database = owner(&platform).await;
    let kept: String = sqlx::query_scalar("select string_agg(n::text, '') from identity.sign_in_network n")
        .fetch_one(&database)
        .await
        .unwrap();
    assert!(!kept.contains("2001:db8"), "no network is at rest: {kept}");
    sqlx::query("update identity.sign_in_network set seen_at = now() - interval '61 days'")
        .execute(&database)
        .await
        .unwrap();
    sqlx::query("select identity.forget_ended()").execute(&database).await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from identity.sign_in_network")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(left, 0, "what is old is forgotten");
    platform.stop().await;
}

#[tokio::test]
async fn signing_in_forgives_what_failed_from_there() {
    let platform = Platform::start_with("[edge.sessions]\nfailures_per_email = 3\n", None).await;
    let mut admin = Person::stranger(&platform);
    for _ in 0..3 {
        assert_eq!(admin.try_to_sign_in(ADMIN, "guess").await.status, 401);
        assert_eq!(admin.try_to_sign_in(ADMIN, "guess").await.status, 401);
        assert_eq!(admin.try_to_sign_in(ADMIN, PASSWORD).await.status, 200);
    }
    platform.stop().await;
}

#[tokio::test]
async fn a_new_password_by_mail_forgives_what_failed_before() {
    let letters = Letters::new();
    let limits = "[edge.sessions]\nfailures_per_email = 2\nfailures_per_email_everywhere = 2\n";
    let platform = Platform::start_with(&format!("{}{limits}", letters.config()), None).await;
    let mut admin = Person::stranger(&platform);
    for _ in 0..2 {
        assert_eq!(admin.try_to_sign_in(ADMIN, "guess").await.status, 401);
    }
    assert_eq!(admin.try_to_sign_in(ADMIN, PASSWORD).await.status, 429);
    assert_eq!(admin.call(Method::POST, "/password-reset", &json!({ "email": ADMIN })).await.status, 202);
    let token = letters.token(ADMIN, "pb-reset-", &[]).await;
    let confirm = json!({ "token": token, "password": "a fresh password" });
    assert_eq!(admin.call(Method::POST, "/password-reset/confirm", &confirm).await.status, 204);
    assert_eq!(admin.try_to_sign_in(ADMIN, "a fresh password").await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn wrong_codes_and_tokens_count_together_for_the_client_that_shows_them() {
    let config = "trusted_proxies = [\"127.0.0.0/8\"]\n[edge.sessions]\nfailures_per_client = 3\n";
    let platform = Platform::start_with(config, None).await;
    let show = async |path: &str, body: &str, from: &str| {
        platform.call_with(Method::POST, path, &[("x-forwarded-for", from)], body).await
    };
    let tries = [
        ("/api/v1/auth/keys", r#"{"code":"pb-code-wrong"}"#, 403),
        ("/account/v1/password-reset/confirm", r#"{"token":"wrong","password":"a long password"}"#, 404),
        ("/account/v1/invitations/accept", r#"{"token":"wrong"}"#, 404),
    ];
    for (path, body, status) in tries {
        assert_eq!(show(path, body, "203.0.113.7").await.status, status, "{path}");
    }
    for (path, body, _) in tries {
        let refused = show(path, body, "203.0.113.7").await;
        assert_eq!(refused.error(), (429, 429, "rate_limit_exceeded".to_owned()), "{path}");
        assert!(!refused.header("retry-after").is_empty());
    }
    assert_eq!(show("/accept-invitation", "token=wrong", "203.0.113.7").await.status, 429);
    assert_eq!(show(tries[0].0, tries[0].1, "203.0.113.8").await.status, 403);
    for (path, body, status) in tries {
        assert_eq!(show(path, body, &format!("2001:db8:1:2::{status}")).await.status, status, "{path}");
    }
    assert_eq!(show(tries[0].0, tries[0].1, "2001:db8:1:2:f::1").await.status, 429, "one network");
    assert_eq!(show(tries[0].0, tries[0].1, "2001:db8:1:3::1").await.status, 403);
    platform.stop().await;
}

#[tokio::test]
async fn failures_are_counted_by_all_edges_together() {
    let Some(redis) = crate::support::redis::Redis::start().await else { return };
    let config = "[edge.sessions]\nfailures_per_email = 2\n";
    let platform = Platform::start_with(config, Some(redis.client())).await;
    let mut guesser = Person::stranger(&platform);
    assert_eq!(guesser.try_to_sign_in(ADMIN, "guess").await.status, 401);
    assert_eq!(guesser.try_to_sign_in(ADMIN, "guess").await.status, 401);
    assert_eq!(guesser.try_to_sign_in(ADMIN, PASSWORD).await.status, 429);
    platform.stop().await;
    redis.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_can_sign_nobody_in() {
    let platform = Platform::start().await;
    let body = json!({ "email": ADMIN, "password": PASSWORD }).to_string();
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200)] {
        let headers = [("sec-fetch-site", site)];
        let answer = platform.call_with(Method::POST, "/account/v1/sign-in", &headers, &body).await;
        assert_eq!(answer.status, status, "{site}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_together() {
    let platform = Platform::start().await;
    let mut here = Person::admin(&platform).await;
    let mut there = Person::admin(&platform).await;
    let listed = here.get("/sessions").await.json()["data"].take();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|one| one["user_agent"] == "a browser" && one["address"] == "127.0.0.1"));
    let other = listed.iter().find(|one| one["is_current"] == false).unwrap()["id"].as_str().unwrap();
    let path = format!("/sessions/{other}");
    assert_eq!(here.call(Method::DELETE, &path, &Value::Null).await.status, 200);
    assert_eq!(there.get("/session").await.status, 401);
    assert_eq!(here.call(Method::DELETE, &path, &Value::Null).await.status, 404);
    assert_eq!(here.call(Method::DELETE, "/sessions", &Value::Null).await.status, 204);
    assert_eq!(here.cookie, "");
    let mut again = Person::admin(&platform).await;
    assert_eq!(again.get("/sessions").await.json()["data"].as_array().unwrap().len(), 1);
    platform.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_idle_and_when_its_time_is_over_however_much_it_is_used() {
    let platform = Platform::start().await;
    let database = owner(&platform).await;
    let mut admin = Person::admin(&platform).await;
    let capped = "update identity.session set ends_at = now() + interval '1 minute',
                  last_seen_at = now() - interval '1 hour'";
    sqlx::query(capped).execute(&database).await.unwrap();
    assert_eq!(admin.get("/session").await.status, 200);
    let is_capped: bool = sqlx::query_scalar("select bool_and(expires_at <= ends_at) from identity.session")
        .fetch_one(&database)
        .await
        .unwrap();
    assert!(is_capped, "use does not move the end");
    sqlx::query("update identity.session set ends_at = now()").execute(&database).await.unwrap();
    assert_eq!(admin.get("/session").await.status, 401);
    let mut admin = Person::admin(&platform).await;
    sqlx::query("update identity.session set expires_at = now()").execute(&database).await.unwrap();
    assert_eq!(admin.get("/session").await.status, 401);
    platform.stop().await;
}

#[tokio::test]
async fn a_person_works_in_the_organisations_that_they_are_members_of_and_no_other() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    let other: uuid::Uuid =
        sqlx::query_scalar("select id from identity.organisation where slug = 'demo-markup'")
            .fetch_one(&owner(&platform).await)
            .await
            .unwrap();
    let choice = json!({ "organization_id": other });
    assert_eq!(admin.call(Method::PUT, "/session/organization", &choice).await.status, 404);
    let join = "insert into identity.member (tenant_id, person_id, role)
                select $1, id, 'viewer' from identity.person";
    sqlx::query(join).bind(other).execute(&owner(&platform).await).await.unwrap();
    let chosen = admin.call(Method::PUT, "/session/organization", &choice).await.json()["data"].take();
    assert_eq!(chosen["organization"]["id"], other.to_string());
    assert_eq!(chosen["organization"]["role"], "viewer");
    let invited = json!({ "email": "a@example.com", "role": "viewer" });
    assert_eq!(admin.call(Method::POST, "/invitations", &invited).await.status, 403, "as a viewer");
    let mut again = Person::admin(&platform).await;
    let session = again.get("/session").await.json()["data"].take();
    assert_eq!(session["organization"]["id"], other.to_string(), "where they worked last");
    platform.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let platform = Platform::start().await;
    let mut here = Person::admin(&platform).await;
    let mut there = Person::admin(&platform).await;
    let change = |old: &str, new: &str| json!({ "old_password": old, "new_password": new });
    let put = async |person: &mut Person<'_>, old: &str, new: &str| {
        person.call(Method::PUT, "/me/password", &change(old, new)).await.status
    };
    assert_eq!(put(&mut here, "wrong", "another password").await, 403);
    assert_eq!(put(&mut here, PASSWORD, "too short").await, 400);
    assert_eq!(put(&mut here, PASSWORD, "ADMIN@patchbay.localhost").await, 400);
    assert_eq!(put(&mut here, PASSWORD, "another password").await, 204);
    assert_eq!(here.get("/session").await.status, 200);
    assert_eq!(there.get("/session").await.status, 401);
    assert_eq!(Person::stranger(&platform).try_to_sign_in(ADMIN, PASSWORD).await.status, 401);
    Person::sign_in(&platform, ADMIN, "another password").await;
    assert_eq!(audited(&platform, "password.change").await, 1);

    let renamed = here.call(Method::PATCH, "/me", &json!({ "name": " Ada " })).await;
    assert_eq!(renamed.json()["data"]["user"]["name"], "Ada");
    assert_eq!(here.call(Method::PATCH, "/me", &json!({ "name": "a\nb" })).await.status, 400);
    platform.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_mail_once_and_ends_every_session() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut admin = Person::admin(&platform).await;
    let mut stranger = Person::stranger(&platform);
    for email in ["nobody@example.com", ADMIN] {
        let asked = stranger.call(Method::POST, "/password-reset", &json!({ "email": email })).await;
        assert_eq!((asked.status.as_u16(), asked.body.len()), (202, 0));
    }
    let token = letters.token(ADMIN, "pb-reset-", &[]).await;
    let link = format!("\r\nhttp://127.0.0.1:8080/reset-password?token={token}\r\n");
    assert!(letters.all().iter().any(|letter| letter.contains(&link)), "the link is whole");
    let confirm = |password: &str| json!({ "token": token, "password": password });
    let path = "/password-reset/confirm";
    assert_eq!(stranger.call(Method::POST, path, &confirm("too short")).await.status, 400);
    assert_eq!(stranger.call(Method::POST, path, &confirm("a fresh password")).await.status, 204);
    assert_eq!(stranger.call(Method::POST, path, &confirm("yet another one")).await.status, 404, "once");
    assert_eq!(admin.get("/session").await.status, 401, "every session has ended");
    assert_eq!(stranger.try_to_sign_in(ADMIN, PASSWORD).await.status, 401);
    Person::sign_in(&platform, ADMIN, "a fresh password").await;

    // Of two that are open, using one uses up both; and none outlives its hour.
    let ask = json!({ "email": ADMIN });
    assert_eq!(stranger.call(Method::POST, "/password-reset", &ask).await.status, 202);
    let second = letters.token(ADMIN, "pb-reset-", &[&token]).await;
    assert_eq!(stranger.call(Method::POST, "/password-reset", &ask).await.status, 202);
    let third = letters.token(ADMIN, "pb-reset-", &[&token, &second]).await;
    let with = |token: &str| json!({ "token": token, "password": "the third password" });
    assert_eq!(stranger.call(Method::POST, path, &with(&third)).await.status, 204);
    assert_eq!(stranger.call(Method::POST, path, &with(&second)).await.status, 404);
    assert_eq!(stranger.call(Method::POST, "/password-reset", &ask).await.status, 202);
    let fourth = letters.token(ADMIN, "pb-reset-", &[&token, &second, &third]).await;
    let late = "update identity.password_reset set expires_at = now()";
    sqlx::query(late).execute(&owner(&platform).await).await.unwrap();
    assert_eq!(stranger.call(Method::POST, path, &with(&fourth)).await.status, 404, "too late");
    assert_eq!(audited(&platform, "password.reset").await, 2);
    assert!(letters.all().iter().all(|letter| !letter.contains("nobody@example.com")));
    platform.stop().await;
}

#[tokio::test]
async fn asking_for_new_passwords_has_a_limit() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let mut stranger = Person::stranger(&platform);
    let ask = json!({ "email": "nobody@example.com" });
    for _ in 0..5 {
        assert_eq!(stranger.call(Method::POST, "/password-reset", &ask).await.status, 202);
    }
    let stopped = stranger.call(Method::POST, "/password-reset", &ask).await;
    assert_eq!(stopped.status, 429);
    assert_ne!(stopped.header("retry-after"), "");
    platform.stop().await;
}

#[tokio::test]
async fn mail_waits_sealed_and_is_sent_by_whichever_edge_can() {
    let letters = Letters::new();
    let platform = Platform::start_with(&letters.config(), None).await;
    let database = owner(&platform).await;
    let mut stranger = Person::stranger(&platform);
    sqlx::query("alter table identity.mail alter column next_try_at set default now() + interval '1 hour'")
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(stranger.call(Method::POST, "/password-reset", &json!({ "email": ADMIN })).await.status, 202);
    let row: (String, Vec<u8>) = eventually("the mail is written down", async || {
        sqlx::query_as("select recipient, sealed from identity.mail").fetch_optional(&database).await.unwrap()
    })
    .await;
    assert_eq!(row.0, ADMIN);
    assert!(!row.1.windows(9).any(|window| window == b"pb-reset-"), "the token is not at rest");
    assert!(letters.all().is_empty());
    sqlx::query("update identity.mail set next_try_at = now()").execute(&database).await.unwrap();
    let other = platform.second_edge(&format!("{}poll_ms = 20\n", letters.config())).await;
    letters.token(ADMIN, "pb-reset-", &[]).await;
    eventually("it is sent once", async || {
        let left: i64 =
            sqlx::query_scalar("select count(*) from identity.mail").fetch_one(&database).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
    other.stop().await;
    platform.stop().await;
}

#[tokio::test]
async fn a_platform_without_mail_says_so() {
    let platform = Platform::start().await;
    let mut admin = Person::admin(&platform).await;
    let answer = admin.call(Method::POST, "/password-reset", &json!({ "email": ADMIN })).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("edge.mail.smtp_url"), "{}", answer.text());
    let invited = json!({ "email": "a@example.com", "role": "viewer" });
    assert_eq!(admin.call(Method::POST, "/invitations", &invited).await.status, 503);
    platform.stop().await;
}

#[tokio::test]
async fn browsers_that_keep_no_secure_cookies_can_be_served_on_request() {
    let platform = Platform::start_with("[edge.sessions]\nsecure = false\n", None).await;
    let mut admin = Person::stranger(&platform);
    let answer = admin.try_to_sign_in(ADMIN, PASSWORD).await;
    assert!(answer.header("set-cookie").starts_with("patchbay="));
    assert!(answer.header("set-cookie").ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    assert_eq!(admin.get("/session").await.status, 200);
    platform.stop().await;
}

#[tokio::test]
async fn the_documents_operations_all_say_who_may_call_them() {
    let platform = Platform::start().await;
    let document = platform.get("/account/v1/openapi.json", None).await.json();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 12, "{paths:?}");
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["security"].as_array().is_some_and(|ways| !ways.is_empty()), "{method} {path}");
            assert!(
                operation["operationId"].is_string() && operation["summary"].is_string(),
                "{method} {path}"
            );
        }
    }
    assert_eq!(platform.get("/account/v1/session", None).await.status, 401);
    assert_eq!(platform.call(Method::PUT, "/account/v1/sign-in", None, "").await.status, 405);
    platform.stop().await;
}
