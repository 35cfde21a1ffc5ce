//! Every class goes the whole way, and what the first release wrote with its ten counts on.

use identity::{EndpointId, PriceVersionId};
use pricing::{Class, Markup, PriceBook, Rate, Rates, Tier, Usage};
use rpc::billing::witness::Outcome;
use rpc::billing::{GetGenerationRequest, PinnedPrice, PutPricesRequest};
use rpc::convert;
use rpc::events::UsageRecord;

use crate::support::Billing;
use crate::support::edge::Edge;
use crate::support::postgres::Database;
use crate::support::records::{record, settle, witness};

/// A rate of its own for each class, which the tier raises.
fn every_rate() -> PriceBook {
    let rates = |factor: i64| {
        Class::ALL
            .into_iter()
            .zip(1_i64..)
            .fold(Rates::default(), |rates, (class, n)| rates.with(class, Rate::from_picos(factor * n * n)))
    };
    PriceBook { base: rates(10_000), tiers: vec![Tier { above_prompt_tokens: 100, rates: rates(30_000) }] }
}

#[tokio::test]
async fn every_class_is_charged_and_read_back() {
    let billing = Billing::start().await;
    let customer = billing.customer(100_000_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let mut due = 0;
    // The longer prompt is in the tier, by its images alone.
    for images in [7, 90] {
        let usage = Class::ALL
            .into_iter()
            .zip(1_u64..)
            .fold(Usage::default(), |usage, (class, units)| usage.with(class, units))
            .with(Class::ImageInput, images);
        let charge = pricing::charge(&every_rate(), Markup::NONE, &usage).unwrap().nanos();
        let granted = edge.ask(&customer, charge).await.unwrap();
        let record = UsageRecord {
            price: Some(convert::price_out(PriceVersionId::generate(), &every_rate())),
            usage: Some(convert::usage_out(&usage)),
            charge,
            absorbed: 0,
            provider_cost: charge,
            ..record(&customer, &granted, 0)
        };
        settle(&billing.client, std::slice::from_ref(&record)).await;
        due += charge;
        assert_eq!(billing.spent_and_held(&customer).await, (due, 0));
        let request = GetGenerationRequest {
            tenant_id: customer.tenant.to_string(),
            generation_id: record.generation_id.clone(),
        };
        let generation = billing.client.clone().get_generation(request).await.unwrap().into_inner();
        assert_eq!(generation.record.unwrap().usage, record.usage);
    }
    let reported = "select sum(image_input + image_output + picture + character + second + search_unit)::bigint \
                    from report.usage";
    assert_eq!(billing.count(reported).await, 7 + 90 + 2 * (12 + 13 + 14 + 15 + 16));
    billing.assert_sound().await;
}

#[tokio::test]
async fn lists_that_end_early_count_as_whole_ones() {
    let database = Database::create().await;
    let charge = |base: Vec<i64>, tier: Vec<i64>, units: Vec<i64>| {
        sqlx::query_scalar::<_, i64>("select billing.charge($1, $2, $3, 500)")
            .bind(base)
            .bind(serde_json::json!([{ "above": 20, "rates": tier }]))
            .bind(units)
            .fetch_one(&database.admin)
    };
    let (base, tier, units): (Vec<i64>, Vec<i64>, Vec<i64>) =
        ((1..=10).map(|n| n * 7_000).collect(), (1..=10).map(|n| n * 9_000).collect(), (1..=10).collect());
    // 1 + 2 + 3 + 4 + 7 prompt tokens are no more than 20. The sum of n * 7 * n, and 5 % more, half to even.
    assert_eq!(charge(base.clone(), tier.clone(), units.clone()).await.unwrap(), 2_830);
    let whole: Vec<i64> = units.iter().copied().chain([4, 1, 1, 1, 1, 1]).collect();
    // Four tokens of images make 21: all at the tier, images like text, the rest for nothing.
    assert_eq!(charge(base, tier, whole).await.unwrap(), (9 * (385 + 4 + 5) * 105 + 50) / 100);
}

#[tokio::test]
async fn a_claim_of_ten_units_settles() {
    let billing = Billing::start().await;
    let customer = billing.customer(10_000).await;
    let edge = Edge::join(&billing.client, "edge", 1).await;
    let granted = edge.ask(&customer, 1_000).await.unwrap();
    let claim = UsageRecord { confirmed: false, ..record(&customer, &granted, 600) };
    settle(&billing.client, std::slice::from_ref(&claim)).await;
    let shorten = "update billing.claim
        set record = jsonb_set(record, '{units}', jsonb_path_query_array(record, '$.units[0 to 9]'))";
    sqlx::raw_sql(shorten).execute(billing.admin()).await.unwrap();
    edge.report(witness(&claim, Outcome::Finished)).await;
    assert_eq!(billing.spent_and_held(&customer).await, (600, 0));
    billing.assert_sound().await;
}

#[tokio::test]
async fn a_price_list_is_kept_as_short_as_the_first_release_reads_it_where_that_says_all() {
    let billing = Billing::start().await;
    let mut client = billing.client.clone();
    let listing = |class, picos| Rates::default().with(class, Rate::from_picos(picos));
    let first = PriceBook {
        base: listing(Class::Input, 5),
        tiers: vec![Tier { above_prompt_tokens: 9, rates: listing(Class::Request, 5) }],
    };
    let books = [first, every_rate(), PriceBook { base: listing(Class::Second, 5), tiers: Vec::new() }];
    for book in &books {
        let price = PinnedPrice {
            price: Some(convert::price_out(PriceVersionId::generate(), book)),
            endpoint_id: EndpointId::generate().to_string(),
            provider: "openai".to_owned(),
            model: "openai/gpt-4o".to_owned(),
        };
        // What is put a second time must be what is kept.
        for _ in 0..2 {
            client.put_prices(PutPricesRequest { prices: vec![price.clone()] }).await.unwrap();
        }
    }
    let lengths: Vec<(i32, Option<i32>)> = sqlx::query_as(
        "select cardinality(base), jsonb_array_length(tiers -> 0 -> 'rates') from billing.price_version order by 1",
    )
    .fetch_all(billing.admin())
    .await
    .unwrap();
    assert_eq!(lengths, [(10, Some(10)), (15, None), (16, Some(16))]);
}
