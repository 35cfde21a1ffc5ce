//! The SQL computes what `pricing` computes.

use pricing::{Class, Markup, PriceBook, Rate, Rates, Tier, Usage};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::postgres::Database;

const CASES: usize = 3_000;

type Case = (PriceBook, i32, Usage);

prop_compose! {
    fn rates(most: i64)(values in prop::array::uniform16(prop::option::of(0..most))) -> Rates {
        Class::ALL.into_iter().zip(values).fold(Rates::default(), |rates, (class, value)| match value {
            Some(picos) => rates.with(class, Rate::from_picos(picos)),
            None => rates,
        })
    }
}

prop_compose! {
    fn case(most: i64, units: u64)(
        base in rates(most),
        tiers in prop::collection::vec((0..units, rates(most)), 0..4),
        used in prop::array::uniform16(prop_oneof![Just(0_u64), 0..units]),
        markup in prop_oneof![Just(0), Just(-10_000), Just(-9_500), -12_000..5_000],
    ) -> Case {
        let tiers = tiers.into_iter().map(|(above_prompt_tokens, rates)| Tier { above_prompt_tokens, rates }).collect();
        let usage = Class::ALL.into_iter().zip(used).fold(Usage::default(), |usage, (class, units)| usage.with(class, units));
        (PriceBook { base, tiers }, markup, usage)
    }
}

fn listed(rates: &Rates) -> Vec<Option<i64>> {
    Class::ALL.iter().map(|class| rates.listed(*class).map(Rate::picos)).collect()
}

#[tokio::test]
async fn the_database_computes_the_same_charge() {
    let database = Database::create().await;
    let mut runner = TestRunner::deterministic();
    // Small rates and counts make ties at half a nano, large ones leave the range.
    let shapes = [case(2_000, 20), case(100_000_000, 400_000), case(i64::MAX, 1 << 40)];
    for round in 0..CASES {
        let (book, markup, usage) = shapes[round % shapes.len()].new_tree(&mut runner).unwrap().current();
        let tiers: Vec<serde_json::Value> = book
            .tiers
            .iter()
            .map(
                |tier| serde_json::json!({ "above": tier.above_prompt_tokens, "rates": listed(&tier.rates) }),
            )
            .collect();
        let units: Vec<i64> =
            Class::ALL.iter().map(|class| i64::try_from(usage.get(*class)).unwrap()).collect();
        let computed: Result<i64, sqlx::Error> = sqlx::query_scalar("select billing.charge($1, $2, $3, $4)")
            .bind(listed(&book.base))
            .bind(serde_json::Value::from(tiers))
            .bind(units)
            .bind(markup)
            .fetch_one(&database.admin)
            .await;
        match pricing::charge(&book, Markup::from_basis_points(markup), &usage) {
            Ok(charge) => assert_eq!(computed.unwrap(), charge.nanos(), "{book:?} {markup} {usage:?}"),
            Err(pricing::OutOfRange) => {
                let refused = computed.unwrap_err();
                let code = refused.as_database_error().and_then(|error| error.code()).unwrap();
                assert_eq!(code, "22003", "{book:?} {markup} {usage:?}");
            }
        }
    }
}

#[tokio::test]
async fn halves_go_to_the_even_neighbour() {
    let database = Database::create().await;
    for (value, rounded) in [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.50000001", 3), ("3.49", 3), ("7", 7)] {
        let got: i64 = sqlx::query_scalar("select billing.round_half_even($1::text::numeric)::bigint")
            .bind(value)
            .fetch_one(&database.admin)
            .await
            .unwrap();
        assert_eq!(got, rounded, "{value}");
    }
}
