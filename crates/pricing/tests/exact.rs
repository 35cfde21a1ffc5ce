//! Charges against fractions, over a million random books, markups and usages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use pricing::{Bound, Class, Markup, PriceBook, Rate, Rates, Tier, Usage};

const CASES: u64 = 1_000_000;
const THREADS: u64 = 4;
/// Pico-dollars times ten-thousandths in a nano-dollar.
const DENOMINATOR: i128 = 10_000_000;

/// SplitMix64: small, and the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A multiple of `grain`, or none.
    fn rate(&mut self, grain: u64) -> Option<i64> {
        if self.below(4) == 0 { None } else { i64::try_from(self.below(2_000_000_000 / grain) * grain).ok() }
    }

    fn markup(&mut self) -> i32 {
        match self.below(4) {
            0 => 0,
            1 => -10_000 + i32::try_from(self.below(10_000)).unwrap_or(0),
            2 => i32::try_from(self.below(100_001)).unwrap_or(0),
            _ => i32::try_from(self.below(20) * 500).unwrap_or(0),
        }
    }

    fn units(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => 1,
            2 => self.below(1_000),
            _ => self.below(2_000_000),
        }
    }
}

type Listed = [Option<i64>; Class::ALL.len()];

/// A price list, said as plainly as it can be.
struct Plain {
    base: Listed,
    tiers: Vec<(u64, Listed)>,
}

impl Plain {
    fn draw(random: &mut Random) -> Self {
        // Halves of nano-dollars, so that ties come up; and anything.
        let grain = if random.below(2) == 0 { 500 } else { 1 };
        let tiers = (0..random.below(3))
            .map(|_| (random.below(400_000), std::array::from_fn(|_| random.rate(grain))));
        let tiers = tiers.collect();
        Self { base: std::array::from_fn(|_| random.rate(grain)), tiers }
    }

    fn book(&self) -> PriceBook {
        let rates = |listed: &Listed| {
            Class::ALL.into_iter().zip(listed).fold(Rates::default(), |rates, (class, picos)| match picos {
                Some(picos) => rates.with(class, Rate::from_picos(*picos)),
                None => rates,
            })
        };
        let tiers = self.tiers.iter();
        let tiers = tiers.map(|(above, listed)| Tier { above_prompt_tokens: *above, rates: rates(listed) });
        PriceBook { base: rates(&self.base), tiers: tiers.collect() }
    }

    /// The listed rate: of the tiers that apply and list the class the highest, else the base.
    fn listed(&self, class: Class, prompt: u64) -> Option<i64> {
        let place = Class::ALL.iter().position(|one| *one == class)?;
        let mut found: Option<(u64, i64)> = None;
        for (above, listed) in &self.tiers {
            if let Some(picos) = listed[place]
                && prompt > *above
                && found.is_none_or(|(highest, _)| *above >= highest)
            {
                found = Some((*above, picos));
            }
        }
        found.map(|(_, picos)| picos).or(self.base[place])
    }

    /// In pico-dollars; classes that are not listed cost what the one behind them does.
    fn picos(&self, class: Class, prompt: u64) -> i64 {
        let behind = match class {
            Class::CacheRead | Class::CacheWrite5m | Class::AudioInput | Class::ImageInput => {
                Some(Class::Input)
            }
            Class::CacheWrite1h => Some(Class::CacheWrite5m),
            Class::Reasoning | Class::AudioOutput | Class::ImageOutput => Some(Class::Output),
            _ => None,
        };
        match (self.listed(class, prompt), behind) {
            (Some(picos), _) => picos,
            (None, Some(other)) => self.picos(other, prompt),
            (None, None) => 0,
        }
    }

    /// What a usage comes to, in nano-dollars times [`DENOMINATOR`].
    fn exactly(&self, markup: i32, used: &[(Class, u64)]) -> i128 {
        let prompt =
            used.iter().filter(|(class, _)| Class::PROMPT.contains(class)).map(|(_, units)| *units).sum();
        let cost =
            |(class, units): &(Class, u64)| i128::from(*units) * i128::from(self.picos(*class, prompt));
        used.iter().map(cost).sum::<i128>() * i128::from(10_000 + markup)
    }
}

/// The limits that a usage just keeps.
fn limits(used: &[(Class, u64)]) -> Bound {
    let of = |classes: &[Class]| {
        used.iter().filter(|(class, _)| classes.contains(class)).map(|(_, units)| units).sum()
    };
    Bound {
        prompt_tokens: of(&Class::PROMPT),
        completion_tokens: of(&Class::COMPLETION),
        images: of(&[Class::Image]),
        pictures: of(&[Class::Picture]),
        characters: of(&[Class::Character]),
        seconds: of(&[Class::Second]),
        search_units: of(&[Class::SearchUnit]),
    }
}

/// Tries a part of the cases. How many were exactly between two nano-dollars.
fn try_cases(thread: u64) -> u64 {
    let mut random = Random(thread);
    let mut ties = 0;
    for case in 0..CASES / THREADS {
        let plain = Plain::draw(&mut random);
        let points = random.markup();
        let used: Vec<(Class, u64)> = Class::ALL
            .into_iter()
            .map(|class| (class, if class == Class::Request { random.below(2) } else { random.units() }))
            .collect();
        let usage = used.iter().fold(Usage::default(), |usage, (class, units)| usage.with(*class, *units));
        let (book, markup) = (plain.book(), Markup::from_basis_points(points));
        let charge = pricing::charge(&book, markup, &usage).map(pricing::Amount::nanos).unwrap_or(i64::MIN);
        let exact = plain.exactly(points, &used);
        let error = i128::from(charge) * DENOMINATOR - exact;
        let said = || format!("thread {thread} case {case}: {charge} for {exact}/{DENOMINATOR}");
        assert!(error.abs() * 2 <= DENOMINATOR, "{}", said());
        if error.abs() * 2 == DENOMINATOR {
            assert_eq!(charge % 2, 0, "{}", said());
            ties += 1;
        }
        let bound =
            pricing::bound(&book, markup, limits(&used)).map(pricing::Amount::nanos).unwrap_or(i64::MIN);
        assert!(bound >= charge, "{}: bound {bound}", said());
    }
    ties
}

#[test]
fn a_million_charges_are_the_exact_ones_rounded_half_to_even_and_within_their_bounds() {
    let ties: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || try_cases(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(ties > 1_000, "only {ties} cases were ties");
}
