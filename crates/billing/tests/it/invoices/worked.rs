//! One invoice worked from its requests on: the one that `docs/reference/billing.md` works.

use std::fs;
use std::path::Path;

use identity::PriceVersionId;
use pricing::{Class, Markup, PriceBook, Rate, Rates, Usage};
use rpc::billing::get_document_request::Form;
use rpc::convert;
use rpc::events::UsageRecord;

use super::books::{Books, text};
use crate::support::Customer;
use crate::support::records::{record, settle};

/// A plan's markup of 5 %.
const MARKUP: i32 = 500;

/// USD per million tokens as a rate per token.
fn per_million(cents: i64) -> Rate {
    Rate::from_picos(cents * 10_000)
}

/// A request to a model at such prices, as a worker records it.
async fn request(
    books: &Books,
    customer: &Customer,
    model: &str,
    provider: &str,
    base: Rates,
    usage: Usage,
) -> i64 {
    let book = PriceBook { base, tiers: Vec::new() };
    let markup = Markup::from_basis_points(MARKUP);
    let charge = pricing::charge(&book, markup, &usage).unwrap().nanos();
    let cost = pricing::provider_cost(&book, &usage).unwrap().nanos();
    let granted = books.edge.ask(customer, charge).await.unwrap();
    let record = UsageRecord {
        price: Some(convert::price_out(PriceVersionId::generate(), &book)),
        markup_basis_points: MARKUP,
        usage: Some(convert::usage_out(&usage)),
        charge,
        absorbed: 0,
        provider_cost: cost,
        model: model.to_owned(),
        provider: provider.to_lowercase(),
        provider_name: provider.to_owned(),
        ..record(customer, &granted, 0)
    };
    settle(&books.billing.client, &[record]).await;
    charge
}

#[tokio::test]
async fn the_worked_invoice_adds_up_and_is_the_documented_one() {
    let books = Books::open().await;
    let customer = books.postpaid(1_000_000_000_000).await;
    books.tax(&customer, "standard", 1_900).await;
    let sonnet = Rates::default()
        .with(Class::Input, per_million(300))
        .with(Class::CacheRead, per_million(30))
        .with(Class::Output, per_million(1_500));
    let sonnet_usage = Usage::default()
        .with(Class::Input, 1_234_567)
        .with(Class::CacheRead, 10_000_000)
        .with(Class::Output, 567_890);
    let mini = Rates::default().with(Class::Input, per_million(15)).with(Class::Output, per_million(60));
    let mini_usage = Usage::default().with(Class::Input, 1_001_001).with(Class::Output, 333_333);
    for _ in 0..3 {
        let charge =
            request(&books, &customer, "anthropic/claude-sonnet-4.5", "Anthropic", sonnet, sonnet_usage)
                .await;
        assert_eq!(charge, 15_983_153_550);
    }
    for _ in 0..2 {
        let charge = request(&books, &customer, "openai/gpt-4o-mini", "OpenAI", mini, mini_usage).await;
        assert_eq!(charge, 367_657_448, "367,657,447.5, half to even");
    }
    let invoice = books.issue(&customer).await;

    let columns = ["model", "provider_cost", "markup", "waived", "amount"];
    let lines: Vec<Vec<String>> = invoice
        .lines()
        .iter()
        .map(|line| columns.iter().map(|column| text(&line[*column])).collect())
        .collect();
    assert_eq!(
        lines,
        [
            ["anthropic/claude-sonnet-4.5", "45.666153000", "2.283307650", "0.000000000", "47.949460650"],
            ["openai/gpt-4o-mini", "0.700299900", "0.035014996", "0.000000000", "0.735314896"],
        ]
    );
    let names = [
        "provider_cost",
        "markup",
        "charges",
        "covered_by_credit",
        "unrounded",
        "rounding",
        "net",
        "tax",
        "total",
    ];
    let totals: Vec<String> = names.iter().map(|name| invoice.total(name)).collect();
    let expected = [
        "46.366452900",
        "2.318322646",
        "48.684775546",
        "0.000000000",
        "48.684775546",
        "-0.004775546",
        "48.68",
        "9.25",
        "57.93",
    ];
    assert_eq!(totals, expected);
    assert_eq!(
        invoice.document["lines"][0]["units"],
        serde_json::json!({ "input": 3_703_701, "cache_read": 30_000_000, "output": 1_703_670 })
    );

    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/billing.md");
    let guide = fs::read_to_string(guide).unwrap();
    for figure in lines.iter().flatten().chain(&totals).filter(|figure| !figure.starts_with("0.00000")) {
        assert!(guide.contains(figure.trim_start_matches('-')), "{figure} is not in the guide");
    }
    let html = String::from_utf8(books.rendered(invoice.id, Form::Html).await).unwrap();
    for figure in ["$57.93", "47.949460650", "−$0.004775546", "VAT 19%", &invoice.number] {
        assert!(html.contains(figure), "{figure} is not in the page");
    }
    books.assert_sound().await;
}

#[tokio::test]
async fn from_a_request_to_its_document_by_the_documented_queries() {
    let books = Books::open().await;
    let customer = books.billing.customer(1_000_000).await;
    books.spend(&customer, 700).await;
    let invoice = books.issue(&customer).await;
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/billing.md");
    let guide = fs::read_to_string(guide).unwrap();
    let report = books.billing.database.pool_as("set role patchbay_report").await;
    let generation: uuid::Uuid =
        sqlx::query_scalar("select generation_id from report.usage").fetch_one(&report).await.unwrap();
    let queries: Vec<&str> =
        guide.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!queries.is_empty());
    for query in &queries {
        let rows = sqlx::query(sqlx::AssertSqlSafe((*query).replace("$1", &format!("'{generation}'"))))
            .fetch_all(&report)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        assert_eq!(rows.len(), 1, "{query}");
    }
    let last = queries.last().unwrap().replace("$1", &format!("'{generation}'"));
    let number: String = sqlx::query_scalar(sqlx::AssertSqlSafe(last)).fetch_one(&report).await.unwrap();
    assert_eq!(number, invoice.number);
}
