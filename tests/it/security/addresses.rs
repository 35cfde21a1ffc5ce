//! URLs of this machine and of private networks, wherever a client or a tenant may name one. Traps listen where they
//! would lead; names that resolve to private addresses, and redirects, are tried by the provider worker's own tests.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use futures::StreamExt as _;
use serde_json::{Value, json};
use testkit::{Api, Dialect};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::operations::Operation;
use super::{Site, patiently};
use crate::drills::chance::Chance;
use crate::drills::is_long;

/// What members that take a URL have in their names.
const NAMED: [&str; 4] = ["url", "uri", "endpoint", "webhook"];
/// What other gateways take for the address of an upstream.
const MEMBERS: [&str; 4] = ["api_base", "base_url", "endpoint_url", "proxy"];
/// Calls at the same time.
const AT_ONCE: usize = 4;
/// Ports that a URL may have.
const PORTS: [u16; 2] = [8_443, 443];

/// Listeners that nothing may connect to.
pub(super) struct Traps {
    address: Ipv4Addr,
    /// One that any port rule refuses.
    odd_port: u16,
    sprung: Arc<AtomicUsize>,
    _listening: JoinSet<()>,
}

impl Traps {
    /// At an address of this machine that nobody else uses, at the ports that URLs may have where this process may
    /// listen there, and at one that they may not have.
    pub(super) async fn set() -> anyhow::Result<Self> {
        let mut chance = Chance::of_suite();
        let mut octet = || u8::try_from(chance.within(1, 255)).unwrap_or(1);
        let address = Ipv4Addr::new(127, octet(), octet(), octet());
        let sprung = Arc::new(AtomicUsize::new(0));
        let mut listening = JoinSet::new();
        let odd = TcpListener::bind((address, 0)).await?;
        let odd_port = odd.local_addr()?.port();
        let mut traps = vec![odd];
        for port in PORTS {
            match TcpListener::bind((address, port)).await {
                Ok(trap) => traps.push(trap),
                Err(error) => eprintln!("no trap at {address}:{port}: {error}"),
            }
        }
        let places: Vec<SocketAddr> = traps.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        for trap in traps {
            let sprung = Arc::clone(&sprung);
            listening.spawn(async move {
                while trap.accept().await.is_ok() {
                    sprung.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // A trap that cannot be sprung shows nothing.
        for place in &places {
            drop(TcpStream::connect(place).await?);
        }
        while sprung.load(Ordering::SeqCst) < places.len() {
            tokio::task::yield_now().await;
        }
        sprung.store(0, Ordering::SeqCst);
        Ok(Self { address, odd_port, sprung, _listening: listening })
    }

    pub(super) fn are_untouched(&self) -> anyhow::Result<()> {
        let sprung = self.sprung.load(Ordering::SeqCst);
        ensure!(sprung == 0, "{sprung} connections to private addresses");
        Ok(())
    }

    fn urls(&self) -> Vec<String> {
        let [a, b, c, d] = self.address.octets();
        let bits = self.address.to_bits();
        let (high, low) = (bits >> 16, bits & 0xffff);
        let wide = |number: u8| -> String {
            let digits = number.to_string();
            digits.bytes().filter_map(|digit| char::from_u32(0xff10 + u32::from(digit - b'0'))).collect()
        };
        let hosts = [
            self.address.to_string(),
            format!("{a}.{b}.{c}.{d}."),
            bits.to_string(),
            format!("0x{bits:x}"),
            format!("0{bits:o}"),
            format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("{a}.{b}.{}", u32::from(c) << 8 | u32::from(d)),
            format!("{a}.{}", bits & 0x00ff_ffff),
            format!("%31%32%37.{b}.{c}.{d}"),
            format!("{}.{}.{}.{}", wide(a), wide(b), wide(c), wide(d)),
            format!("{a}。{b}。{c}。{d}"),
            format!("[::ffff:{}]", self.address),
            format!("[::ffff:{high:x}:{low:x}]"),
            format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
            format!("[::{}]", self.address),
            format!("[64:ff9b::{high:x}:{low:x}]"),
            format!("[2002:{high:x}:{low:x}::1]"),
            format!("public.example@{}", self.address),
            format!("public.example:443@{}", self.address),
            "localhost".to_owned(),
            "169.254.169.254".to_owned(),
            "[fd00:ec2::254]".to_owned(),
            "metadata.google.internal".to_owned(),
        ];
        let mut urls = Vec::new();
        for host in &hosts {
            urls.push(format!("https://{host}:8443/a.png"));
            urls.push(format!("https://{host}/a.png"));
            urls.push(format!("http://{host}:{}/a.png", self.odd_port));
        }
        let odd = [
            format!("//{}:8443/a.png", self.address),
            format!("https:\\\\{}:8443\\a.png", self.address),
            format!("https:/{}:8443/a.png", self.address),
            format!("gopher://{}:{}/_INFO", self.address, self.odd_port),
            format!("ftp://{}:{}/a.png", self.address, self.odd_port),
            format!("file://{}/etc/passwd", self.address),
            format!("https://public.example\\@{}:8443/", self.address),
            format!("https://{}:8443#@public.example/", self.address),
        ];
        urls.extend(odd);
        urls
    }
}

pub(super) async fn nothing_private_is_called(site: &Site, traps: &Traps) -> anyhow::Result<()> {
    let urls = traps.urls();
    ensure!(urls.len() >= 80, "{} URLs", urls.len());
    // One that is sent bytes, so that what a client names is fetched here.
    let provider = site.platform.admin.provider(Dialect::Gemini).await?;
    let model = site.platform.admin.model(&[(&provider, "1", "1")]).await?;
    let calls = inference(site, &model, &urls).await?;
    let set = settings(site, &urls).await?;
    eprintln!("{} URLs in {calls} requests and {set} settings", urls.len());
    traps.are_untouched()?;
    let calls = site.platform.simulator.calls(&provider).await?;
    ensure!(calls == 0, "{calls} requests with private URLs went to a provider");
    Ok(())
}

/// In what is sent to models: in every place of it, or in the short form in one for each URL.
async fn inference(site: &Site, model: &str, urls: &[String]) -> anyhow::Result<usize> {
    let organisation = site.platform.admin.organisation("10").await?;
    let clients = site.clients_of(&organisation.api_key);
    let mut chance = Chance::of_suite();
    let turn = usize::try_from(chance.within(0, 3))?;
    let mut calls = Vec::new();
    for (n, url) in urls.iter().enumerate() {
        let mut all = bodies(model, url);
        if !is_long() {
            all = vec![all.swap_remove((n + turn) % all.len())];
        }
        let api = &clients[n % clients.len()];
        calls.extend(all.into_iter().map(|(path, body)| is_refused(api, path, body)));
    }
    let sent = calls.len();
    let outcomes: Vec<_> = futures::stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect::<anyhow::Result<()>>()?;
    // Nobody chooses an upstream by a member of the body.
    for member in MEMBERS {
        let mut body = json!({"model": site.model, "messages": [{"role": "user", "content": "Say hello."}]});
        body[member] = json!(urls[0]);
        clients[0].chat(&body).await?;
    }
    Ok(sent + MEMBERS.len())
}

async fn is_refused(api: &Api, path: &'static str, body: Value) -> anyhow::Result<()> {
    let reply = patiently(|| api.post(path, body.to_string())).await?;
    ensure!((400..500).contains(&reply.status), "{path} {body}: {reply:?}");
    Ok(())
}

fn bodies(model: &str, url: &str) -> Vec<(&'static str, Value)> {
    let image = json!({"type": "image_url", "image_url": {"url": url}});
    let source = json!({"type": "image", "source": {"type": "url", "url": url}});
    let input = json!({"type": "input_image", "image_url": url});
    let asks = json!({"type": "text", "text": "What is it?"});
    vec![
        (
            "/chat/completions",
            json!({"model": model, "messages": [{"role": "user", "content": [asks, image]}]}),
        ),
        (
            "/messages",
            json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": [asks, source]}]}),
        ),
        ("/responses", json!({"model": model, "input": [{"role": "user", "content": [input]}]})),
    ]
}

/// In every member of a management body that is named as if it took one, and in tenants' webhooks.
async fn settings(site: &Site, urls: &[String]) -> anyhow::Result<usize> {
    let many = if is_long() { urls.len() } else { 6 };
    let mut chance = Chance::of_suite();
    let mut sent = 0;
    for operation in Operation::all(site).await? {
        // Operators may name addresses of their own network, but for what tenants are told at.
        if operation.is_operators() && !operation.name().contains("/notices/") {
            continue;
        }
        for pointer in members(&operation, operation.schema(), String::new(), 0) {
            for n in 0..many {
                let mut body = operation.body(site, &mut chance);
                set(&mut body, &pointer, &urls[n * urls.len() / many]);
                let path = operation.path(site, None);
                let reply = operation.send(site, &path, body.to_string().into_bytes()).await?;
                ensure!(reply.status < 500, "{} {body}: {reply:?}", operation.name());
                sent += 1;
            }
        }
    }
    ensure!(sent > 0, "no setting takes a URL");
    Ok(sent)
}

/// Where in a body there are members that take a URL, as paths with slashes.
fn members(operation: &Operation, schema: &Value, path: String, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    if depth > 5 {
        return found;
    }
    let schema = operation.resolved(schema);
    for way in ["allOf", "oneOf", "anyOf"].iter().filter_map(|way| schema[*way].as_array()).flatten() {
        found.extend(members(operation, way, path.clone(), depth + 1));
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        if NAMED.iter().any(|named| name.to_lowercase().contains(named)) {
            found.push(path.clone());
        }
        found.extend(members(operation, inner, path, depth + 1));
    }
    found.sort();
    found.dedup();
    found
}

fn set(body: &mut Value, path: &str, text: &str) {
    let mut place = body;
    for name in path.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = json!(text);
}
