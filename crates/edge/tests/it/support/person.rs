//! A person with a browser: keeps the cookie, and shows the token with whatever changes something.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::Platform;
use super::client::{self, Answer};

/// Where the platform's tests have mail written.
pub(crate) struct Letters(tempfile::TempDir);

impl Letters {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Configuration that has mail written here.
    pub(crate) fn config(&self) -> String {
        format!("[edge.mail]\nfolder = {:?}\n", self.0.path())
    }

    /// Every mail that was written, in the clear.
    pub(crate) fn all(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.0.path()).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }

    /// The token of the one letter to `email` that is about this and holds none of `known`.
    pub(crate) async fn token(&self, email: &str, prefix: &str, known: &[&str]) -> String {
        super::eventually("the letter is written", async || {
            let letters = self.all().into_iter().filter(|letter| letter.contains(&format!("To: {email}")));
            let mut tokens = letters.filter_map(|letter| {
                let at = letter.find(prefix)?;
                let token: String =
                    letter[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
                Some(token).filter(|token| token.len() == prefix.len() + 64)
            });
            tokens.find(|token| !known.contains(&token.as_str()))
        })
        .await
    }
}

pub(crate) struct Person<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl<'a> Person<'a> {
    /// Nobody yet.
    pub(crate) const fn stranger(platform: &'a Platform) -> Self {
        Self { platform, cookie: String::new(), csrf: String::new() }
    }

    pub(crate) async fn sign_in(platform: &'a Platform, email: &str, password: &str) -> Self {
        let mut person = Self::stranger(platform);
        let answer = person.try_to_sign_in(email, password).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        person
    }

    /// The first administrator, an owner of the first organisation.
    pub(crate) async fn admin(platform: &'a Platform) -> Self {
        Self::sign_in(platform, "admin@patchbay.localhost", "a password of tests").await
    }

    pub(crate) async fn try_to_sign_in(&mut self, email: &str, password: &str) -> Answer {
        let answer =
            self.call(Method::POST, "/sign-in", &json!({ "email": email, "password": password })).await;
        if answer.status == 200 {
            self.csrf = answer.json()["data"]["csrf_token"].as_str().unwrap().to_owned();
        }
        answer
    }

    /// Calls an operation of the account's API.
    pub(crate) async fn call(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        self.call_at(method, &format!("/account/v1{path}"), body).await
    }

    pub(crate) async fn call_at(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let mut headers = vec![("content-type", "application/json"), ("user-agent", "a browser")];
        if !self.cookie.is_empty() {
            headers.push(("cookie", self.cookie.as_str()));
        }
        if !self.csrf.is_empty() {
            headers.push(("x-csrf-token", self.csrf.as_str()));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let sent = client::send(self.platform.address, method, path, &headers, Bytes::from(body)).await;
        let answer = client::whole(sent).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            self.cookie = if pair.ends_with('=') { String::new() } else { pair.to_owned() };
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }
}
