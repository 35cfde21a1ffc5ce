//! Prices over the day and over time: by windows, from a moment on, withdrawn, previewed, and told.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use rpc::Fault;
use rpc::router::{ListPricesRequest, PriceWindow, PutPriceRequest, PutResponse, WithdrawPriceRequest};
use serde_json::{Value, json};
use tonic::Status;

use crate::catalogue::{offer, price};
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, a_few_polls, chat};

fn put(endpoint_id: &str, input: i64) -> PutPriceRequest {
    PutPriceRequest {
        endpoint_id: endpoint_id.to_owned(),
        price: Some(price(input, input)),
        actor: "olga".to_owned(),
        ..PutPriceRequest::default()
    }
}

fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn set(router: &Router, request: PutPriceRequest) -> Result<PutResponse, Status> {
    router.client.clone().put_price(request).await.map(tonic::Response::into_inner)
}

/// The price per prompt token of the next plan, in pico-USD.
async fn charged(router: &Router) -> Option<i64> {
    let plan = router.plan(chat(&["acme/rocket"], 1)).await.ok()?;
    plan.attempts[0].price.as_ref()?.base.as_ref()?.input
}

async fn states(router: &Router, endpoint_id: &str) -> Vec<(String, String)> {
    let request = ListPricesRequest { endpoint_id: endpoint_id.to_owned() };
    let answer = router.client.clone().list_prices(request).await.unwrap().into_inner();
    let list: Value = serde_json::from_slice(&answer.body_json).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = list["data"].as_array().unwrap();
    rows.iter().map(|row| (text(&row["base"]["input"]), text(&row["state"]))).collect()
}

fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (u16, String) {
    let fault = Fault::from_status(&outcome.unwrap_err());
    (fault.status, fault.message)
}

#[tokio::test]
async fn a_window_has_a_price_of_its_own() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let window = |start: &str, end: &str, input| PriceWindow {
        weekdays: Vec::new(),
        utc_start: start.to_owned(),
        utc_end: end.to_owned(),
        price: Some(price(input, input)),
    };
    let windows = vec![window("0000", "1200", 400_000), window("1200", "0000", 400_000)];
    set(&router, PutPriceRequest { windows, ..put(&id, 1_000_000) }).await.unwrap();
    eventually("the window's price", async || (charged(&router).await? == 400_000).then_some(())).await;
    for (windows, word) in [
        (vec![window("2400", "0100", 400_000)], "HHMM"),
        (vec![PriceWindow { weekdays: vec![8], ..window("0100", "0200", 400_000) }], "weekdays"),
        (vec![window("0100", "0200", 1_000)], "tenfold"),
    ] {
        let outcome = set(&router, PutPriceRequest { windows, ..put(&id, 1_000_000) }).await;
        let (status, message) = refusal(outcome);
        assert!(status == 400 && message.contains(word), "{message}");
    }
}

#[tokio::test]
async fn a_price_for_later_can_be_withdrawn_until_it_takes_effect() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let tomorrow = text(Utc::now() + Duration::days(1));
    let later =
        set(&router, PutPriceRequest { effective_at: tomorrow, ..put(&id, 3_000_000) }).await.unwrap();
    let told = |input: &str, state: &str| (input.to_owned(), state.to_owned());
    let current = told("0.000001", "in_effect");
    assert_eq!(states(&router, &id).await, [told("0.000003", "upcoming"), current.clone()]);
    let mut client = router.client.clone();
    let withdrawal =
        |price_id: &str| WithdrawPriceRequest { price_id: price_id.to_owned(), actor: "olga".to_owned() };
    let first = client.withdraw_price(withdrawal(&later.id)).await.unwrap().into_inner();
    let again = client.withdraw_price(withdrawal(&later.id)).await.unwrap().into_inner();
    assert_eq!(first, again, "once is enough");
    assert_eq!(states(&router, &id).await, [told("0.000003", "withdrawn"), current]);
    let plan = eventually("the model", async || router.plan(chat(&["acme/rocket"], 1)).await.ok()).await;
    let in_effect = plan.attempts[0].price.as_ref().unwrap().id.clone();
    for (status, price_id) in [(400, in_effect), (404, uuid::Uuid::now_v7().to_string())] {
        assert_eq!(refusal(client.withdraw_price(withdrawal(&price_id)).await).0, status);
    }
}

#[tokio::test]
async fn what_was_withdrawn_never_takes_effect() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    eventually("the first price", async || charged(&router).await.filter(|input| *input == 1_000_000)).await;
    // Two prices for later, the second of which is withdrawn.
    surroundings
        .database
        .tamper(
            r#"with due as (
                   insert into catalog.price (id, endpoint_id, book, source, effective_at)
                   select gen_random_uuid(), id, jsonb_build_object('base', jsonb_build_object('input', input),
                          'tiers', '[]'::jsonb), 'olga', clock_timestamp() + later
                   from catalog.endpoint,
                        (values (2000000, interval '1 second'), (3000000, interval '1.1 seconds')) p (input, later)
                   where model = 'acme/rocket'
                   returning id, book)
               insert into catalog.price_withdrawal (price_id, actor)
               select id, 'olga' from due where book->'base'->>'input' = '3000000'"#,
        )
        .await;
    eventually("the later price", async || charged(&router).await.filter(|input| *input == 2_000_000)).await;
    a_few_polls().await;
    assert_eq!(charged(&router).await, Some(2_000_000));
}

#[tokio::test]
async fn a_later_price_is_measured_against_the_one_it_follows() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let id = offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let day = |days| text(Utc::now() + Duration::days(days));
    let at = |input, days| PutPriceRequest { effective_at: day(days), ..put(&id, input) };
    set(&router, at(9_000_000, 1)).await.unwrap();
    assert_eq!(refusal(set(&router, at(80_000_000, 0)).await).0, 400);
    set(&router, at(80_000_000, 2)).await.unwrap();
    for (request, word) in [
        (at(1_000_000, -1), "past"),
        (PutPriceRequest { effective_at: "tomorrow".to_owned(), ..put(&id, 1) }, "effective_at"),
        (PutPriceRequest { source: "catalogue".to_owned(), ..put(&id, 1_000_001) }, "source"),
        (at(0, 3), "tenfold"),
    ] {
        let (status, message) = refusal(set(&router, request).await);
        assert!(status == 400 && message.contains(word), "{message}");
    }
    set(&router, PutPriceRequest { force: true, ..at(0, 3) }).await.unwrap();
    assert_eq!(states(&router, &id).await.len(), 4);
    let nobody = ListPricesRequest { endpoint_id: uuid::Uuid::now_v7().to_string() };
    assert_eq!(refusal(router.client.clone().list_prices(nobody).await).0, 404);
}

#[tokio::test]
async fn a_preview_tells_both_prices_and_where_the_endpoint_would_stand() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let cheap = offer(&router, "acme/rocket", "cheap", 1_000_000).await;
    let dear = offer(&router, "acme/rocket", "dear", 5_000_000).await;
    let dry = |input| PutPriceRequest { dry_run: true, ..put(&dear, input) };
    let preview = async |request| -> Value {
        let put = set(&router, request).await.unwrap();
        serde_json::from_str(&put.preview_json).unwrap()
    };
    let told = preview(dry(600_000)).await;
    assert_eq!(told["rank"], json!({ "model": "acme/rocket", "from": 2, "to": 1, "of": 2 }));
    assert_eq!(
        (&told["price"]["from"]["base"]["input"], &told["price"]["to"]["base"]["input"]),
        (&json!("0.000005"), &json!("0.0000006"))
    );
    assert_eq!(told["warnings"], json!([]));
    let told = preview(dry(60)).await;
    assert!(told["warnings"][0].as_str().unwrap().contains("tenfold"), "{told}");
    let source =
        PutPriceRequest { source: "https://acme.example/pricing".to_owned(), ..put(&cheap, 900_000) };
    set(&router, source).await.unwrap();
    assert_eq!(states(&router, &dear).await.len(), 1, "nothing was changed");
    assert_eq!(states(&router, &cheap).await.len(), 2);
}
