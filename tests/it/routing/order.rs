//! Who goes first when nobody says, and when somebody does: balance by price, sort, partition, sessions.

use serde_json::{Value, json};

use super::row::{Row, offer, row};

pub(super) fn rows() -> Vec<Row> {
    vec![
        // 270 are expected, with a standard deviation of 5.2: what is outside happens once in three million times
        // (chi-square over 26 with one degree of freedom).
        row("of endpoints at $1 and $3, the first leads nine times as often")
            .at_prices(&["1", "3"])
            .asks(json!({}))
            .times(300)
            .shares('a', 244..=296),
        row("of endpoints at $1, $2 and $3, the shares are as 36 to 9 to 4")
            .at_prices(&["1", "2", "3"])
            .asks(json!({}))
            .times(196)
            // Five standard deviations: 6.2, 5.4 and 3.8.
            .shares('a', 113..=175)
            .shares('b', 9..=63)
            .shares('c', 1..=35),
        row("sort by price is the same endpoint, call after call")
            .at_prices(&["3", "1", "2"])
            .asks(json!({"provider": {"sort": "price"}}))
            .times(20)
            .served_by('b'),
        row("sort by price falls back on the next in price")
            .offers([
                offer("m", 'a', "3"),
                offer("m", 'b', "1").suffers(json!({"status": 500})),
                offer("m", 'c', "2"),
            ])
            .asks(json!({"provider": {"sort": {"by": "price"}}}))
            .served_by('c')
            .tried(&[('b', 500), ('c', 200)]),
        row("partition none sorts the endpoints of all models together")
            .offers([offer("x", 'a', "5"), offer("y", 'b', "1")])
            .asks(models(json!({"by": "price", "partition": "none"})))
            .times(5)
            .answers("{t}/y")
            .asks(models(json!({"by": "price", "partition": "model"})))
            .times(5)
            .answers("{t}/x")
            .asks(models(json!("price")))
            .answers("{t}/x"),
        row("a session stays with the provider that served it")
            .offers(['a', 'b', 'c', 'd'].map(|letter| offer("m", letter, "1").with(caching())))
            .asks(json!({"session_id": "first of {t}"}))
            .succeeds()
            // Where it was served is told the router after the answer.
            .asks(json!({"session_id": "first of {t}"}))
            .times(10)
            .one_by_one()
            .in_a_while()
            .served_by_one()
            .asks(json!({}))
            .header("x-session-id", "first of {t}")
            .times(5)
            .served_by_one(),
        row("a session goes on elsewhere while its provider fails, and order comes before it")
            .offers([
                offer("m", 'a', "1").with(caching()).suffers(json!({"status": 500})),
                offer("m", 'b', "1").with(caching()),
            ])
            .asks(json!({"session_id": "second of {t}"}))
            // Fewer than take `a` out: what is asked next is to find it failing, not gone.
            .times(3)
            .one_by_one()
            .served_by('b')
            .asks(json!({"session_id": "second of {t}", "provider": {"order": ["{a}"]}}))
            .served_by('b')
            .tried(&[('a', 500), ('b', 200)]),
        row("a conversation whose prompt was cached stays where its cache is")
            .offers(['a', 'b', 'c', 'd'].map(|letter| offer("m", letter, "1").with(caching())))
            .asks(long())
            .times(16)
            .one_by_one()
            .succeeds()
            .asks(long())
            .times(10)
            .one_by_one()
            .in_a_while()
            .served_by_one(),
    ]
}

fn models(sort: Value) -> Value {
    json!({"model": null, "models": ["{t}/x", "{t}/y"], "provider": {"sort": sort}})
}

/// Reading from the cache is cheaper than not.
fn caching() -> Value {
    json!({"implicit_caching": true,
           "price": {"base": {"input": "0.000001", "cache_read": "0.0000001", "output": "0.000001"}}})
}

/// A conversation that is worth caching.
fn long() -> Value {
    json!({"messages": [
        {"role": "system", "content": format!("You know {{t}} well. {}", "Facts matter a lot. ".repeat(500))},
        {"role": "user", "content": "Say hello."},
    ]})
}
