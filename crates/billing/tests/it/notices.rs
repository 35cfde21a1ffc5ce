//! What tenants are told of their balances and limits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use billing::Config;
use futures::StreamExt as _;
use rpc::Channel;
use rpc::billing::budgets_client::BudgetsClient;
use rpc::billing::{
    ListNoticesRequest, Notice, NoticeSettings, PutBudgetRequest, PutNoticeSettingsRequest, Subject,
};
use rpc::events::UsageRecord;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::budgets::COUNTING;
use crate::support::edge::Edge;
use crate::support::nats::Nats;
use crate::support::postgres::Database;
use crate::support::records::{record, settle};
use crate::support::{Billing, Customer, config, promotion};

const SECRET: &str = "a secret of the tenant's";

/// A request as a webhook's server got it.
#[derive(Debug, Clone)]
struct Post {
    head: String,
    body: String,
}

impl Post {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn is_signed_with(&self, secret: &str) -> bool {
        let signature = self.header("patchbay-signature").unwrap();
        let (at, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, format!("{at}.{}", self.body).as_bytes(), &hex::decode(hex).unwrap()).is_ok()
    }
}

/// Answers by script, then with 200.
#[derive(Clone)]
struct Webhook {
    origin: String,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Webhook {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let posts = Arc::default();
        let statuses = Arc::new(Mutex::new(VecDeque::from(statuses.to_vec())));
        let kept = Arc::clone(&posts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
                tokio::spawn(answer(stream, status, Arc::clone(&kept)));
            }
        });
        Self { origin, posts }
    }

    fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Post> {
        for _ in 0..1_000 {
            let posts = self.posts();
            if posts.len() >= count {
                return posts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{count} posts were awaited: {:?}", self.posts());
    }
}

async fn answer(mut stream: TcpStream, status: u16, posts: Arc<Mutex<Vec<Post>>>) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let post = Post { head: head.to_owned(), body: String::new() };
            break (head.to_owned(), post.header("content-length").unwrap().parse::<usize>().unwrap());
        }
    };
    let start = head.len() + 4;
    while bytes.len() < start + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let body = String::from_utf8(bytes[start..start + length].to_vec()).unwrap();
    posts.lock().unwrap().push(Post { head, body });
    let answer = format!(
        "HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A billing that may call the webhook, and a customer with a million nano-USD.
struct Told {
    billing: Billing,
    customer: Customer,
    edge: Edge,
}

impl Told {
    async fn by(webhook: &Webhook, bus: Option<async_nats::Client>) -> Self {
        let mut config: Config = config();
        config.notices.allowed_origins = vec![webhook.origin.clone()];
        let billing = Billing::over(Database::create().await, config, bus).await;
        sqlx::raw_sql(COUNTING).execute(billing.admin()).await.unwrap();
        billing.shift_to("2030-01-16 12:00+00").await;
        let customer = billing.customer(1_000_000).await;
        let edge = Edge::join(&billing.client, "edge", 1).await;
        Self { billing, customer, edge }
    }

    fn budgets(&self) -> BudgetsClient<Channel> {
        BudgetsClient::new(self.billing.channel.clone())
    }

    async fn set(&self, url: &str, secret: &str, low_balance: Option<i64>) -> Result<NoticeSettings, Status> {
        let request = PutNoticeSettingsRequest {
            tenant_id: self.customer.tenant.to_string(),
            webhook_url: url.to_owned(),
            webhook_secret: secret.to_owned(),
            low_balance,
        };
        Ok(self.budgets().put_notice_settings(request).await?.into_inner())
    }

    /// Has requests reserve from a budget of this much a day as well. Its account.
    async fn limit(&mut self, nanos: i64) -> String {
        let request = PutBudgetRequest {
            tenant_id: self.customer.tenant.to_string(),
            subject: Some(Subject { kind: "workspace".to_owned(), id: Uuid::nil().to_string() }),
            interval: "daily".to_owned(),
            limit: nanos,
            counts_own_keys: None,
        };
        let account = self.budgets().put_budget(request).await.unwrap().into_inner().account_id;
        if !self.customer.accounts.contains(&account) {
            self.customer.accounts.push(account.clone());
        }
        account
    }

    async fn spend(&self, nanos: i64) {
        let granted = self.edge.ask(&self.customer, nanos).await.unwrap();
        let record = record(&self.customer, &granted, nanos);
        let record = UsageRecord { workspace_id: Uuid::nil().to_string(), ..record };
        settle(&self.billing.client, &[record]).await;
    }

    async fn list(&self) -> Vec<Notice> {
        let request = ListNoticesRequest {
            tenant_id: self.customer.tenant.to_string(),
            ..ListNoticesRequest::default()
        };
        self.budgets().list_notices(request).await.unwrap().into_inner().notices
    }

    /// Waits until the notices' deliveries are these, the newest first.
    async fn deliveries(&self, wanted: &[&str]) -> Vec<Notice> {
        let mut last = Vec::new();
        for _ in 0..1_000 {
            last = self.list().await;
            if last.iter().map(|notice| notice.delivery.as_str()).eq(wanted.iter().copied()) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{wanted:?} was awaited: {last:?}");
    }

    /// Lets some looks at balances pass.
    async fn looks(&self) {
        for _ in 0..5 {
            sqlx::query("select billing.write_notices(true)").execute(self.billing.admin()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_budget_is_told_of_once_at_each_threshold_of_a_window() {
    let webhook = Webhook::start(&[]).await;
    let mut told = Told::by(&webhook, None).await;
    told.set(&format!("{}/hook", webhook.origin), SECRET, None).await.unwrap();
    let account = told.limit(10_000).await;
    told.spend(7_999).await;
    told.looks().await;
    assert_eq!(told.list().await.len(), 0);
    told.spend(1).await;
    let posts = webhook.wait_for(1).await;
    let notice = posts[0].json();
    assert!(posts[0].head.starts_with("POST /hook HTTP/1.1"));
    assert!(posts[0].is_signed_with(SECRET) && !posts[0].is_signed_with("another"));
    assert_eq!(posts[0].header("patchbay-notice-id"), notice["id"].as_str());
    assert_eq!(
        (notice["type"].as_str(), notice["data"]["threshold_percent"].as_i64()),
        (Some("budget.threshold"), Some(80))
    );
    for (member, value) in [
        ("budget_id", account.as_str()),
        ("subject_kind", "workspace"),
        ("limit", "0.00001"),
        ("spent", "0.000008"),
        ("remaining", "0.000002"),
        ("interval", "daily"),
        ("window_ends_at", "2030-01-17T00:00:00.000Z"),
    ] {
        assert_eq!(notice["data"][member], value, "{member}");
    }
    told.spend(500).await;
    told.looks().await;
    assert_eq!(webhook.posts().len(), 1);
    told.spend(1_495).await;
    assert_eq!(webhook.wait_for(2).await[1].json()["data"]["threshold_percent"], 100);
    told.looks().await;
    let notices = told.deliveries(&["delivered", "delivered"]).await;
    assert!(notices.iter().all(|notice| notice.tries == 1 && notice.delivered_at_ms > 0));
    // Another limit is another measure.
    told.limit(11_000).await;
    assert_eq!(webhook.wait_for(3).await[2].json()["data"]["threshold_percent"], 80);
    told.billing.assert_sound().await;
}

#[tokio::test]
async fn a_balance_is_low_once_until_it_was_paid_up() {
    let webhook = Webhook::start(&[]).await;
    let told = Told::by(&webhook, None).await;
    told.spend(600_000).await;
    told.looks().await;
    assert_eq!(told.list().await.len(), 0, "nobody asked to be told");
    let settings = told.set(&webhook.origin, "", Some(500_000)).await.unwrap();
    assert!(settings.new_secret.starts_with("whsec_") && settings.has_secret);
    let posts = webhook.wait_for(1).await;
    assert!(posts[0].is_signed_with(&settings.new_secret));
    let notice = posts[0].json();
    assert_eq!(
        (notice["type"].as_str(), notice["data"]["balance"].as_str()),
        (Some("balance.low"), Some("0.0004"))
    );
    told.spend(100_000).await;
    told.looks().await;
    assert_eq!(webhook.posts().len(), 1);
    let credit = promotion(told.customer.tenant, 400_000, "more");
    told.billing.client.clone().grant_credit(credit).await.unwrap();
    told.looks().await;
    assert_eq!(webhook.posts().len(), 1);
    told.spend(300_000).await;
    assert_eq!(webhook.wait_for(2).await[1].json()["data"]["balance"], "0.0004");
    // Said again, the secret stays and is not shown.
    let again = told.set(&webhook.origin, "", None).await.unwrap();
    assert_eq!((again.new_secret.as_str(), again.has_secret, again.low_balance), ("", true, None));
}

#[tokio::test]
async fn a_webhook_is_tried_again_and_given_up_after_some_tries() {
    let webhook = Webhook::start(&[500, 302, 200, 500, 500, 500]).await;
    let mut told = Told::by(&webhook, None).await;
    told.set(&webhook.origin, SECRET, None).await.unwrap();
    told.limit(10_000).await;
    told.spend(8_000).await;
    let notices = told.deliveries(&["delivered"]).await;
    assert_eq!(
        (notices[0].tries, notices[0].last_error.as_str()),
        (3, "the server answered with status 302")
    );
    let posts = webhook.posts();
    assert!(posts.iter().all(|post| post.body == posts[0].body));
    told.spend(2_000).await;
    let notices = told.deliveries(&["dead", "delivered"]).await;
    assert_eq!(
        (notices[0].tries, notices[0].last_error.as_str()),
        (3, "the server answered with status 500")
    );
    assert_eq!(webhook.posts().len(), 6);
}

#[tokio::test]
async fn a_webhook_leads_to_the_public_internet_and_nowhere_else() {
    let webhook = Webhook::start(&[]).await;
    let told = Told::by(&webhook, None).await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://user:password@example.com/",
        "https://example.com:22/",
        "ftp://example.com/",
        "hook",
    ] {
        let refused = told.set(url, SECRET, None).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{url}");
        assert!(refused.message().contains("webhook_url"), "{refused}");
    }
    assert_eq!(told.set(&webhook.origin, "short", None).await.unwrap_err().code(), Code::InvalidArgument);
    let stranger = PutNoticeSettingsRequest { tenant_id: Uuid::now_v7().to_string(), ..Default::default() };
    assert_eq!(told.budgets().put_notice_settings(stranger).await.unwrap_err().code(), Code::NotFound);
    // A secret is nowhere to be read.
    told.set(&webhook.origin, SECRET, None).await.unwrap();
    let readable = "select count(*) from billing.notice_settings
        where position(convert_to('a secret', 'UTF8') in sealed_secret) > 0";
    assert_eq!(told.billing.count(readable).await, 0);
}

#[tokio::test]
async fn a_notice_is_an_event_on_the_bus() {
    let Some(nats) = Nats::start().await else { return };
    let webhook = Webhook::start(&[]).await;
    let mut told = Told::by(&webhook, Some(nats.client().await)).await;
    let listener = nats.client().await;
    let subject = rpc::subjects::notices(told.customer.tenant);
    let mut events = listener.subscribe(subject).await.unwrap();
    listener.flush().await.unwrap();
    told.limit(10_000).await;
    told.spend(8_000).await;
    let event = tokio::time::timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap();
    let event: Value = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!(event["type"], "budget.threshold");
    // Nobody set a webhook.
    let notices = told.deliveries(&["none"]).await;
    assert_eq!(event["id"], notices[0].id.as_str());
    told.billing.eventually("select count(*) from billing.notice where published_at is null", 0).await;
    told.billing.stop().await;
}
