//! People of an organisation, who come by invitations that are mailed to them.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::{Organisation, Platform, unique};

/// How often a letter is looked for, ten times a second.
const LOOKS: usize = 300;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl Platform {
    /// A new member of an organisation, by id.
    ///
    /// # Errors
    /// When the invitation is refused or never mailed.
    pub async fn member(&self, organisation: &Organisation) -> anyhow::Result<String> {
        let address = format!("{}@example.com", unique("member"));
        let account = self.dev.api_base.trim_end_matches("/api/v1").to_owned() + "/account/v1";
        let post = async |path: &str, body: serde_json::Value| {
            let request = crate::http::client().post(format!("{account}{path}"));
            let answer = request.bearer_auth(&organisation.management_key).json(&body).send().await?;
            let status = answer.status();
            let said = answer.text().await?;
            ensure!(status.is_success(), "{path}: {status} {said}");
            Ok(())
        };
        post("/invitations", json!({ "email": address, "role": "developer" })).await?;
        let token = self.invited(&address).await?;
        post(
            "/invitations/accept",
            json!({ "token": token, "name": "Member", "password": "correct horse battery" }),
        )
        .await?;
        let listed = self.api_as(&organisation.management_key).get("/organization/members").await?;
        let people = listed.body["data"].as_array().with_context(|| format!("{listed:?}"))?;
        let found = people.iter().find(|person| person["email"] == json!(address));
        let id = found.and_then(|person| person["id"].as_str());
        id.map(str::to_owned).with_context(|| format!("{address} is no member: {listed:?}"))
    }

    /// The token that was mailed to an address.
    async fn invited(&self, address: &str) -> anyhow::Result<String> {
        for _ in 0..LOOKS {
            if let Some(token) = letters(&self.directory.join("mail"), address) {
                return Ok(token);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        anyhow::bail!("nothing is mailed to {address}")
    }
}

/// The token in the letter to an address, if there is one.
fn letters(folder: &Path, address: &str) -> Option<String> {
    let files = std::fs::read_dir(folder).ok()?.flatten();
    let letters = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let letter = letters.into_iter().find(|letter| letter.contains(address))?;
    let token = &letter[letter.find("pb-inv-")?..];
    Some(token.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?.to_owned())
}

/// Somebody who is signed in.
pub struct Session {
    /// As it is sent back.
    pub cookie: String,
    /// Goes into `X-CSRF-Token` of whatever changes something.
    pub csrf_token: String,
}

impl Platform {
    /// The platform's administrator, signed in.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn sign_in(&self) -> anyhow::Result<Session> {
        let address = self.dev.api_base.trim_end_matches("/api/v1").to_owned() + "/account/v1/sign-in";
        let body = json!({ "email": self.dev.admin_email, "password": self.dev.admin_password });
        let answer = crate::http::client().post(address).json(&body).send().await?.error_for_status()?;
        let cookie = answer.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).context("no cookie")?.to_owned();
        let body: serde_json::Value = answer.json().await?;
        let csrf_token = body["data"]["csrf_token"].as_str().context("no token")?.to_owned();
        Ok(Session { cookie, csrf_token })
    }
}
