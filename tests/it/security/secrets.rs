//! Secrets and prompts that went everywhere they belong, and are looked for everywhere else.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::{Api, Dialect, Organisation, Platform, Reply, Wiretap, unique};

use super::{Site, patiently};

/// Files that hold secrets because they are for them: their owner's alone.
/// The database's own files are no place of their own: every table is read as one.
const VAULTS: [&str; 4] = ["secrets.json", "dev.json", "run/cluster.json", "postgres"];

/// What must be found nowhere.
pub(super) struct Seeded {
    /// Whose keys they are.
    organisation: Organisation,
    /// A name and a text.
    texts: Vec<(&'static str, String)>,
    /// Every error that somebody was told meanwhile.
    told: Vec<String>,
}

impl Seeded {
    /// Secrets of every kind, and a session of somebody who signs in.
    pub(super) async fn new(site: &Site) -> anyhow::Result<Self> {
        let organisation = site.platform.admin.organisation("100").await?;
        let dev = &site.platform.dev;
        let vault: Value =
            serde_json::from_slice(&std::fs::read(site.platform.directory().join("secrets.json"))?)?;
        let vaulted =
            |name: &str| vault[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
        let texts = vec![
            ("the master key", vaulted("master_key")?),
            ("the signing key", vaulted("signing_key")?),
            ("an operator's token", dev.admin_token.clone()),
            ("a password", dev.admin_password.clone()),
            ("an API key", organisation.api_key.clone()),
            ("a management key", organisation.management_key.clone()),
            ("a platform's credential", unique("seeded-platform")),
            ("a credential that is refused", unique("seeded-invalid")),
            ("an own credential", unique("seeded-own")),
            ("a prompt", unique("seeded-prompt")),
            ("a prompt that fails", unique("seeded-failing")),
            ("a wrong password", unique("seeded-password")),
            ("a wrong key", unique("seeded-wrong")),
            ("a query", unique("seeded-query")),
        ];
        let mut seeded = Self { organisation, texts, told: Vec::new() };
        // Before anybody guesses passwords.
        seeded.sign_in(&site.platform).await.context("signed in")?;
        Ok(seeded)
    }

    /// Uses secrets of every kind, in requests that are served and in such that fail.
    pub(super) async fn are_used(&mut self, site: &Site) -> anyhow::Result<()> {
        self.make_keys(&site.platform).await.context("made")?;
        self.serve(site).await.context("served")?;
        self.fail(site).await.context("failed")
    }

    fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }

    /// Keeps what an error says.
    fn hear(&mut self, reply: &Reply) {
        if reply.status >= 400 {
            self.told.push(format!("{} {:?} {}", reply.status, reply.headers, reply.body));
        }
    }

    async fn serve(&mut self, site: &Site) -> anyhow::Result<()> {
        let members = json!({"credential": self.text("a platform's credential")});
        let provider = site.platform.admin.provider_with(Dialect::OpenAi, &members).await?;
        let model = site.platform.admin.model(&[(&provider, "1", "1")]).await?;
        let own =
            json!({"provider": provider.slug, "key": self.text("an own credential"), "workspace_id": null});
        let api = site.platform.api_as(&self.organisation.management_key);
        let made = patiently(|| api.post("/byok", own.to_string())).await?;
        ensure!(made.status == 201, "{made:?}");
        let prompt = format!("Say this: {}", self.text("a prompt"));
        let body = json!({"model": model, "messages": [{"role": "user", "content": prompt}],
                          "user": "someone", "metadata": {"note": self.text("a prompt")}});
        for edge in site.edges() {
            let api = Api::new(&format!("{edge}/api/v1"), &self.organisation.api_key);
            let cached = api.clone().with_header("x-openrouter-cache", "true");
            let kept = api.clone().with_header("idempotency-key", &unique("kept"));
            for api in [&api, &cached, &cached, &kept, &kept] {
                let reply = patiently(|| api.chat(&body)).await?;
                ensure!(
                    reply.status == 200 && reply.body.to_string().contains(self.text("a prompt")),
                    "{reply:?}"
                );
            }
            let mut streamed = body.clone();
            streamed["stream"] = json!(true);
            let streamed = cached.stream_with(&streamed).await?;
            ensure!(streamed.text().contains(self.text("a prompt")), "{streamed:?}");
            let path = format!("/models?q={}", self.text("a query"));
            let reply = api.get(&path).await?;
            self.hear(&reply);
        }
        Ok(())
    }

    /// Providers that refuse, break off and answer nonsense; keys that are none.
    async fn fail(&mut self, site: &Site) -> anyhow::Result<()> {
        let members = json!({"credential": self.text("a credential that is refused")});
        let refusing = site.platform.admin.provider_with(Dialect::OpenAi, &members).await?;
        let failing = site.platform.admin.provider(Dialect::OpenAi).await?;
        let prompt = format!("Say this: {}", self.text("a prompt that fails"));
        let mut models = vec![site.platform.admin.model(&[(&refusing, "1", "1")]).await?];
        let model = site.platform.admin.model(&[(&failing, "1", "1")]).await?;
        models.push(model.clone());
        let scripts = [
            json!({"status": 500}),
            json!({"status": 400}),
            json!({"status": 429}),
            json!({"garbage": true}),
            json!({"cut_at_byte": 60}),
        ];
        for (n, script) in scripts.iter().enumerate() {
            // What the simulator does not know it refuses.
            if site.platform.simulator.fault(&failing, script).await.is_err() && n < 3 {
                anyhow::bail!("{script} cannot be had");
            }
            for model in &models {
                let reply = site.platform.api_as(&self.organisation.api_key).ask(model, &prompt).await?;
                self.hear(&reply);
            }
        }
        let stolen = format!("{}{}", &self.organisation.api_key[..20], self.text("a wrong key"));
        for path in ["/chat/completions", "/key", "/keys"] {
            let reply = site.platform.api_as(&stolen).post(path, "{}").await?;
            self.hear(&reply);
        }
        let torn = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{prompt}""#);
        let reply = site.platform.api_as(&self.organisation.api_key).post("/chat/completions", torn).await?;
        self.hear(&reply);
        let odd = json!({"model": model, "messages": [{"role": "wizard", "content": prompt}]});
        let reply = site.platform.api_as(&self.organisation.api_key).chat(&odd).await?;
        self.hear(&reply);
        ensure!(self.told.len() > 8, "only {} errors", self.told.len());
        Ok(())
    }

    async fn sign_in(&mut self, platform: &Platform) -> anyhow::Result<()> {
        let edge = Api::new(platform.dev.edges[0].trim_end_matches('/'), "");
        let json = [("content-type", "application/json")];
        let wrong = json!({"email": platform.dev.admin_email, "password": self.text("a wrong password")});
        let reply = patiently(|| edge.send("POST", "/account/v1/sign-in", &json, wrong.to_string())).await?;
        ensure!(reply.status == 401, "{reply:?}");
        self.hear(&reply);
        let right = json!({"email": platform.dev.admin_email, "password": platform.dev.admin_password});
        let reply = patiently(|| edge.send("POST", "/account/v1/sign-in", &json, right.to_string())).await?;
        ensure!(reply.status == 200, "{reply:?}");
        let cookie = reply.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
        let secret = cookie.split_once('=').context("no cookie")?.1.to_owned();
        let token = reply.body["data"]["csrf_token"].as_str().context("no token")?.to_owned();
        ensure!(
            edge.send("GET", "/account/v1/session", &[("cookie", &cookie)], "").await?.status == 200,
            "not signed in"
        );
        self.texts.push(("a session", secret));
        self.texts.push(("a session's token", token));
        Ok(())
    }

    /// What is made under an idempotency key is answered again, with its secret.
    async fn make_keys(&mut self, platform: &Platform) -> anyhow::Result<()> {
        let edge = Api::new(platform.dev.edges[0].trim_end_matches('/'), "");
        let (bearer, name) = (format!("Bearer {}", platform.dev.admin_token), unique("made"));
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", &name),
        ];
        let path = format!("/admin/v1/tenants/{}/keys", self.organisation.id);
        let made =
            patiently(|| edge.send("POST", &path, &headers, r#"{"name":"made","kind":"inference"}"#)).await?;
        self.texts.push(("a key that was made", made.body["key"].as_str().context("no key")?.to_owned()));
        Ok(())
    }

    pub(super) async fn is_nowhere(&self, site: &Site, tap: &Wiretap) -> anyhow::Result<()> {
        let platform = &site.platform;
        platform.ledger.settle_down().await?;
        let mut found: Vec<String> = Vec::new();
        let files = platform.files(&VAULTS)?;
        let logged: usize = files
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|one| one == "log"))
            .map(|(_, log)| log.len())
            .sum();
        ensure!(logged > 100_000, "only {logged} bytes of logs: nothing is said at this level");
        for (path, bytes) in &files {
            let name = path.display().to_string();
            // What each process of a cluster is configured with.
            if !name.ends_with(".toml") {
                self.look(&name, bytes, &mut found);
            }
        }
        // Whoever starts it on a terminal is told there how to sign in.
        found.retain(|one| !(one.starts_with("a password is in") && one.contains("platform.log")));
        let heard = tap.heard();
        self.look("Redis and NATS", &heard, &mut found);
        for told in &self.told {
            self.look("an error", told.as_bytes(), &mut found);
        }
        for process in platform.processes()?.iter().filter(|process| process.probe.is_some()) {
            self.look(
                &format!("metrics of {}", process.instance),
                process.metrics().await?.as_bytes(),
                &mut found,
            );
        }
        let texts: Vec<String> = self.texts.iter().map(|(_, text)| text.clone()).collect();
        found.extend(platform.rows_with(&texts).await?);
        eprintln!(
            "{} secrets looked for in {} files with {logged} bytes of logs, {} bytes of messages, {} errors",
            texts.len(),
            files.len(),
            heard.len(),
            self.told.len()
        );
        ensure!(found.is_empty(), "{}", found.join("\n"));
        Ok(())
    }

    /// Notes which of the secrets are in these bytes, and what stands around them.
    fn look(&self, place: &str, bytes: &[u8], found: &mut Vec<String>) {
        for (name, text) in &self.texts {
            if let Some(at) = memchr::memmem::find(bytes, text.as_bytes()) {
                let before = String::from_utf8_lossy(&bytes[at.saturating_sub(120)..at]);
                found.push(format!("{name} is in {place}: {before}|{text}"));
            }
        }
    }
}
