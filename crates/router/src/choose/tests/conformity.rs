//! In random worlds the choice must be what the slow reference says.

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::reference::{Asked, Choice, World};
use super::worlds::{Case, case, standing, with_case};

/// The models that are sorted together.
fn pools(world: &World<'_>) -> Vec<Vec<Asked>> {
    let asked = world.asked();
    if world.request.preferences.sorts_across_models && !asked.is_empty() {
        return vec![asked];
    }
    asked.into_iter().map(|one| vec![one]).collect()
}

fn sorted(mut choices: Vec<Choice>) -> Vec<Choice> {
    choices.sort_unstable();
    choices
}

#[test]
fn the_worlds_leave_something_to_choose() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut lengths = Vec::new();
    for _ in 0..300 {
        let case = case().new_tree(&mut runner).unwrap().current();
        with_case(&case, 100, |_, chosen| {
            lengths.push(chosen.unwrap_or_default().len());
            Ok(())
        })
        .unwrap();
    }
    let at_least = |length| lengths.iter().filter(|own| **own >= length).count();
    assert!(at_least(1) > 200 && at_least(2) > 140 && at_least(5) > 40, "{lengths:?}");
}

proptest! {
    #[test]
    fn what_may_serve_is_in_the_plan_and_nothing_else(case in case()) {
        with_case(&case, 100, |world, chosen| {
            let may_serve: Vec<Choice> = world.asked().iter().flat_map(|asked| world.may_serve(asked)).collect();
            let chosen = chosen.unwrap_or_default();
            let wishes = &world.request.preferences;
            if !wishes.allow_fallbacks && wishes.order.is_empty() {
                prop_assert_eq!(chosen.len(), may_serve.len().min(1));
                prop_assert!(chosen.iter().all(|choice| may_serve.contains(choice)));
            } else {
                prop_assert_eq!(sorted(chosen), sorted(may_serve));
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_order_is_as_asked_and_only_the_first_among_equals_is_drawn(case in case()) {
        with_case(&case, 100, |world, chosen| {
            let chosen = chosen.unwrap_or_default();
            // The ejected come last of all.
            let is_ejected = |choice: &Choice| world.illness(*choice) == 4;
            prop_assert!(chosen.is_sorted_by_key(is_ejected));
            let mut well: Vec<usize> = Vec::new();
            for (at, pool) in pools(world).iter().enumerate() {
                let may_serve: Vec<Choice> = pool.iter().flat_map(|asked| world.may_serve(asked)).collect();
                let mut of_pool: Vec<Choice> =
                    chosen.iter().copied().filter(|choice| may_serve.contains(choice)).collect();
                // Where the first model's stand, the second's follow.
                let places = chosen.iter().enumerate().filter(|(_, choice)| may_serve.contains(choice));
                let places: Vec<usize> =
                    places.filter(|(_, choice)| !is_ejected(choice)).map(|(place, _)| place).collect();
                prop_assert!(well.last() < places.first() || places.is_empty(), "pool {}", at);
                well.extend(places);
                let sort = world.sort(&pool[0], &may_serve);
                let draws = sort.is_none() && world.request.preferences.order.is_empty();
                let platform = of_pool.iter().position(|choice| choice.own.is_none());
                if let (true, Some(first)) = (draws, platform) {
                    let drawn = of_pool.remove(first);
                    if let Some(next) = of_pool.get(first).filter(|next| next.own.is_none()) {
                        prop_assert!(world.by_place(drawn, *next, sort).is_le(), "{:?} was drawn", drawn);
                    }
                }
                let in_order = |one: &Choice, two: &Choice| world.compare(*one, *two, sort).is_le();
                prop_assert!(of_pool.is_sorted_by(in_order), "{:?} by {:?}", of_pool, sort);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_conversation_stays_with_its_endpoint(case in case()) {
        with_case(&case, 100, |world, chosen| {
            for choice in chosen.iter().flatten().filter(|choice| world.is_held(**choice)) {
                let goes_before = |other: &&Choice| {
                    let is_own = |choice: &Choice| {
                        choice.own.is_some_and(|key| !world.request.own[key].is_fallback)
                    };
                    world.tables.endpoints[other.row].model == world.tables.endpoints[choice.row].model
                        && is_own(other) == is_own(choice)
                        && other.own.is_some() == choice.own.is_some()
                };
                let first = chosen.iter().flatten().find(goes_before).copied();
                prop_assert_eq!(first, Some(*choice));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_short_plan_keeps_the_order_and_the_best_of_each_model(case in case(), length in 1_usize..5) {
        let mut whole = Vec::new();
        with_case(&case, 100, |_, chosen| {
            whole = chosen.unwrap_or_default();
            Ok(())
        })?;
        with_case(&case, length, |world, chosen| {
            let chosen = chosen.unwrap_or_default();
            prop_assert_eq!(chosen.len(), whole.len().min(length));
            let mut rest = whole.iter();
            prop_assert!(chosen.iter().all(|choice| rest.any(|other| other == choice)));
            let model = |choice: &Choice| world.tables.endpoints[choice.row].model.clone();
            let mut firsts: Vec<Choice> = Vec::new();
            for choice in &whole {
                if !firsts.iter().any(|first| model(first) == model(choice)) {
                    firsts.push(*choice);
                }
            }
            prop_assert!(firsts.iter().take(length).all(|first| chosen.contains(first)));
            Ok(())
        })?;
    }

    #[test]
    fn the_same_inputs_give_the_same_plan_and_others_health_moves_no_draw(case in case(), other in standing()) {
        let run = |case: &Case| {
            let mut kept = None;
            with_case(case, 100, |_, chosen| {
                kept = chosen;
                Ok(())
            })?;
            Ok::<_, TestCaseError>(kept)
        };
        let once = run(&case)?;
        prop_assert_eq!(&once, &run(&case)?);
        // What stands for an endpoint that nobody asked for takes no part.
        let mut stranger = case;
        stranger.standings.push((500, 0, other));
        prop_assert_eq!(once, run(&stranger)?);
    }
}
