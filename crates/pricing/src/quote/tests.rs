use proptest::prelude::*;

use super::*;
use crate::{Rates, Tier};

fn book(input: i64, output: i64) -> PriceBook {
    PriceBook {
        base: Rates::default()
            .with(Class::Input, Rate::from_picos(input))
            .with(Class::Output, Rate::from_picos(output)),
        tiers: Vec::new(),
    }
}

#[test]
fn rounds_half_to_even_once() {
    let at = |picos| charge(&book(picos, 0), Markup::NONE, &Usage::default().with(Class::Input, 1)).unwrap();
    assert_eq!(at(499), Amount::from_nanos(0));
    assert_eq!(at(500), Amount::from_nanos(0));
    assert_eq!(at(501), Amount::from_nanos(1));
    assert_eq!(at(1_500), Amount::from_nanos(2));
    assert_eq!(at(2_500), Amount::from_nanos(2));
}

#[test]
fn a_long_prompt_is_charged_at_its_tier() {
    let mut book = book(1_000, 2_000);
    book.tiers.push(Tier {
        above_prompt_tokens: 100,
        rates: Rates::default().with(Class::Input, Rate::from_picos(3_000)),
    });
    let cost = |input| {
        let usage = Usage::default().with(Class::Input, input).with(Class::Output, 10);
        charge(&book, Markup::NONE, &usage).unwrap().nanos()
    };
    assert_eq!(cost(100), 120);
    assert_eq!(cost(101), 303 + 20);
}

#[test]
fn classes_without_a_rate_fall_back() {
    let usage = Usage::default().with(Class::CacheWrite1h, 2).with(Class::Reasoning, 3);
    assert_eq!(charge(&book(1_000, 5_000), Markup::NONE, &usage).unwrap(), Amount::from_nanos(17));
}

#[test]
fn tokens_of_images_fall_back_to_those_of_text() {
    let mut book = book(1_000, 5_000);
    let usage = Usage::default().with(Class::ImageInput, 2).with(Class::ImageOutput, 3);
    assert_eq!(charge(&book, Markup::NONE, &usage).unwrap(), Amount::from_nanos(17));
    book.base = book
        .base
        .with(Class::ImageInput, Rate::from_picos(4_000))
        .with(Class::ImageOutput, Rate::from_picos(9_000));
    assert_eq!(charge(&book, Markup::NONE, &usage).unwrap(), Amount::from_nanos(8 + 27));
}

#[test]
fn tokens_of_images_count_towards_the_tier() {
    let usage = Usage::default().with(Class::Input, 60).with(Class::ImageInput, 41);
    assert_eq!(usage.prompt_tokens().unwrap(), 101);
    let mut book = book(1_000, 2_000);
    let rates = Rates::default().with(Class::Input, Rate::from_picos(3_000));
    book.tiers.push(Tier { above_prompt_tokens: 100, rates });
    assert_eq!(charge(&book, Markup::NONE, &usage).unwrap(), Amount::from_nanos(303));
}

#[test]
fn what_is_counted_by_the_piece_is_free_until_it_is_listed() {
    for class in [Class::Picture, Class::Character, Class::Second, Class::SearchUnit] {
        let usage = Usage::default().with(class, 3);
        assert_eq!(usage.prompt_tokens().unwrap() + usage.completion_tokens().unwrap(), 0);
        let mut book = book(1_000, 5_000);
        assert_eq!(charge(&book, Markup::NONE, &usage).unwrap(), Amount::ZERO);
        book.base = book.base.with(class, Rate::from_picos(7_000));
        assert_eq!(charge(&book, Markup::NONE, &usage).unwrap(), Amount::from_nanos(21));
        assert_eq!(bound(&book, Markup::NONE, Bound::default()).unwrap(), Amount::ZERO);
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    let usage = Usage::default().with(Class::Output, u64::MAX);
    assert_eq!(charge(&book(0, i64::MAX), Markup::NONE, &usage), Err(OutOfRange));
}

prop_compose! {
    fn any_book()(base in prop::array::uniform16(prop::option::of(0_i64..2_000_000_000)),
                  tier in prop::array::uniform16(prop::option::of(0_i64..2_000_000_000)),
                  above in prop::option::of(0_u64..400_000)) -> PriceBook {
        let rates = |values: [Option<i64>; Class::ALL.len()]| {
            Class::ALL.into_iter().zip(values).fold(Rates::default(), |rates, (class, value)| match value {
                Some(picos) => rates.with(class, Rate::from_picos(picos)),
                None => rates,
            })
        };
        PriceBook {
            base: rates(base),
            tiers: above.map(|above_prompt_tokens| Tier { above_prompt_tokens, rates: rates(tier) }).into_iter().collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_usage_within_the_limits_costs_more_than_the_bound(
        book in any_book(), markup in -12_000_i32..5_000,
        prompt in prop::array::uniform6(0_u64..100_000), completion in prop::array::uniform4(0_u64..50_000),
        images in 0_u64..20, pictures in 0_u64..20, characters in 0_u64..100_000, seconds in 0_u64..20_000,
        search_units in 0_u64..100, slack in 0_u64..1_000,
    ) {
        let markup = Markup::from_basis_points(markup);
        let others = [
            (Class::Image, images),
            (Class::Request, 1),
            (Class::Picture, pictures),
            (Class::Character, characters),
            (Class::Second, seconds),
            (Class::SearchUnit, search_units),
        ];
        let usage = Class::PROMPT.into_iter().zip(prompt)
            .chain(Class::COMPLETION.into_iter().zip(completion))
            .chain(others)
            .fold(Usage::default(), |usage, (class, units)| usage.with(class, units));
        let limits = Bound {
            prompt_tokens: usage.prompt_tokens().unwrap() + slack,
            images: images + slack,
            completion_tokens: usage.completion_tokens().unwrap() + slack,
            pictures: pictures + slack,
            characters: characters + slack,
            seconds: seconds + slack,
            search_units: search_units + slack,
        };
        prop_assert!(charge(&book, markup, &usage).unwrap() <= bound(&book, markup, limits).unwrap());
    }

    #[test]
    fn what_is_affordable_fits_and_one_more_does_not(
        book in any_book(), available in 0_i64..10_000_000_000, wanted in 0_u64..200_000, prompt in 0_u64..100_000,
    ) {
        let limits = Bound { prompt_tokens: prompt, completion_tokens: wanted, ..Bound::default() };
        let available = Amount::from_nanos(available);
        let cost = |completion_tokens| bound(&book, Markup::NONE, Bound { completion_tokens, ..limits }).unwrap();
        match affordable_output(&book, Markup::NONE, limits, available).unwrap() {
            None => prop_assert!(cost(0) > available),
            Some(tokens) => {
                prop_assert!(cost(tokens) <= available);
                prop_assert!(tokens == wanted || cost(tokens + 1) > available);
            }
        }
    }

    #[test]
    fn the_charge_is_within_half_a_nano_of_the_exact_one(
        book in any_book(), markup in -10_000_i32..5_000, input in 0_u64..2_000_000, output in 0_u64..2_000_000,
    ) {
        let usage = Usage::default().with(Class::Input, input).with(Class::Output, output);
        let rates = book.rates_for(input);
        let exact = (i128::from(input) * i128::from(rates.rate(Class::Input).picos())
            + i128::from(output) * i128::from(rates.rate(Class::Output).picos())) * i128::from(10_000 + markup);
        let charged = charge(&book, Markup::from_basis_points(markup), &usage).unwrap();
        prop_assert!((i128::from(charged.nanos()) * SCALE - exact).abs() * 2 <= SCALE);
    }
}
