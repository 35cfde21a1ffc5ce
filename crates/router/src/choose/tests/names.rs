//! Names, fallback models and the order that requests ask for.

use super::*;

#[test]
fn a_static_variant_is_a_model_of_its_own() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m:free", "two", 0)]));
    assert_eq!(run(&catalogue, &["a/m:free"], wishes(), text(), &Standings::new(), 1).0, ["two"]);
    assert_eq!(run(&catalogue, &["a/m:free:nitro"], wishes(), text(), &Standings::new(), 1).0, ["two"]);
    assert_eq!(
        refuse(&catalogue, &["a/m:thinking"], wishes(), text()).message,
        "a/m:thinking is not a valid model ID"
    );
}

#[test]
fn the_first_models_endpoints_precede_the_seconds_unless_sorted_together() {
    let catalogue = build(tables(&[("a/m", "one", 5), ("a/m", "two", 6), ("b/n", "three", 1)]));
    let models = ["a/m", "nobody/knows", "b/n", "a/m:floor"];
    let (tags, exclusions, _) = run(&catalogue, &models, wishes(), text(), &Standings::new(), 1);
    assert_eq!(tags[2], "three");
    assert_eq!(exclusions, [("nobody/knows".to_owned(), Reason::UnknownModel)]);
    let together = Preferences { sort: Some(Sort::Price), sorts_across_models: true, ..wishes() };
    assert_eq!(run(&catalogue, &models, together, text(), &Standings::new(), 1).0, ["three", "one", "two"]);
}

#[test]
fn order_goes_first_and_alone_when_fallbacks_are_off() {
    let catalogue = three();
    let order = names(&["three", "TWO"]);
    let ordered = Preferences { order: &order, ..wishes() };
    let (tags, _, strategy) = run(&catalogue, &["a/m"], ordered.clone(), text(), &Standings::new(), 1);
    assert_eq!((tags.join(" ").as_str(), strategy), ("three two one", "order"));
    let alone = Preferences { allow_fallbacks: false, ..ordered };
    let (tags, exclusions, _) = run(&catalogue, &["a/m"], alone, text(), &Standings::new(), 1);
    assert_eq!((tags, exclusions), (names(&["three", "two"]), vec![("one".to_owned(), Reason::NotInOrder)]));
    let no_fallbacks =
        Preferences { allow_fallbacks: false, sort: Some(Sort::Price), ..Preferences::default() };
    let (tags, exclusions, _) = run(&catalogue, &["a/m"], no_fallbacks, text(), &Standings::new(), 1);
    assert_eq!(tags, ["one"]);
    assert_eq!(exclusions.iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [Reason::NoFallbacks; 2]);
}
