//! What may be expected of the answers of a step.

use std::ops::RangeInclusive;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use testkit::Reply;

use super::row::Row;
use super::run::Cast;

/// A judgement of all answers of a step.
type Judge = Box<dyn Fn(&Cast<'_>, &[Reply]) -> anyhow::Result<()> + Send + Sync>;

pub(crate) enum Check {
    Replies(Judge),
    /// How often an endpoint has been called by now.
    Calls(&'static str, char, RangeInclusive<usize>),
}

impl Check {
    /// # Errors
    /// When it does not.
    pub(crate) async fn hold(&self, cast: &Cast<'_>, replies: &[Reply]) -> anyhow::Result<()> {
        match self {
            Self::Replies(judge) => judge(cast, replies),
            Self::Calls(model, letter, expected) => {
                let calls = cast.calls(model, *letter).await?;
                ensure!(expected.contains(&calls), "`{letter}` was called {calls} times");
                Ok(())
            }
        }
    }

    fn each(judge: impl Fn(&Cast<'_>, &Reply) -> anyhow::Result<()> + Send + Sync + 'static) -> Self {
        Self::Replies(Box::new(move |cast, replies| {
            replies.iter().try_for_each(|reply| judge(cast, reply).with_context(|| brief(reply)))
        }))
    }
}

/// What a failure says of an answer.
fn brief(reply: &Reply) -> String {
    let text = reply.body.to_string();
    format!("{} {}", reply.status, text.chars().take(2_000).collect::<String>())
}

fn served(cast: &Cast<'_>, reply: &Reply, letter: char) -> bool {
    cast.provider(letter).is_ok_and(|provider| reply.body["provider"] == json!(provider.name))
}

impl Row {
    /// Every request succeeds.
    pub(crate) fn succeeds(self) -> Self {
        self.status(200)
    }

    pub(crate) fn status(self, status: u16) -> Self {
        self.expects(Check::each(move |_, reply| {
            ensure!(reply.status == status, "not {status}");
            Ok(())
        }))
    }

    /// Every request succeeds, and is served by this provider.
    pub(crate) fn served_by(self, letter: char) -> Self {
        self.succeeds().expects(Check::each(move |cast, reply| {
            ensure!(served(cast, reply, letter), "`{letter}` did not serve");
            Ok(())
        }))
    }

    /// Every request succeeds, and is served by the same provider.
    pub(crate) fn served_by_one(self) -> Self {
        self.succeeds().expects(Check::Replies(Box::new(|_, replies| {
            let first = replies.first().map(|reply| &reply.body["provider"]);
            let other = replies.iter().find(|reply| Some(&reply.body["provider"]) != first);
            ensure!(other.is_none(), "several served: {first:?} and {:?}", other.map(brief));
            Ok(())
        })))
    }

    /// Every request succeeds, with an answer of this model.
    pub(crate) fn answers(self, model: &'static str) -> Self {
        self.succeeds().has("/model", json!(model))
    }

    /// The value at a JSON pointer.
    pub(crate) fn has(self, pointer: &'static str, expected: Value) -> Self {
        self.expects(Check::each(move |cast, reply| {
            let (found, expected) = (reply.body.pointer(pointer), cast.value(&expected));
            ensure!(found == Some(&expected), "{pointer} is {found:?}, not {expected}");
            Ok(())
        }))
    }

    pub(crate) fn lacks(self, pointer: &'static str) -> Self {
        self.expects(Check::each(move |_, reply| {
            ensure!(reply.body.pointer(pointer).is_none(), "{pointer} is there");
            Ok(())
        }))
    }

    /// Something else about each answer.
    pub(crate) fn says(
        self,
        what: &'static str,
        is: impl Fn(&Reply) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.expects(Check::each(move |_, reply| {
            ensure!(is(reply), "not so: {what}");
            Ok(())
        }))
    }

    /// How the answers' number that are served by a provider is spread.
    pub(crate) fn shares(self, letter: char, expected: RangeInclusive<usize>) -> Self {
        self.succeeds().expects(Check::Replies(Box::new(move |cast, replies| {
            let count = replies.iter().filter(|reply| served(cast, reply, letter)).count();
            ensure!(expected.contains(&count), "`{letter}` served {count} of {}", replies.len());
            Ok(())
        })))
    }

    /// Who was tried, with what status, in order.
    pub(crate) fn tried(self, attempts: &'static [(char, u16)]) -> Self {
        self.expects(Check::each(move |cast, reply| {
            let made = reply.body["openrouter_metadata"]["attempts"].as_array().cloned().unwrap_or_default();
            let is_so = |(made, (letter, status)): (&Value, &(char, u16))| {
                cast.provider(*letter).is_ok_and(|provider| made["provider"] == json!(provider.name))
                    && made["status"] == json!(status)
            };
            let all = made.len() == attempts.len() && made.iter().zip(attempts).all(is_so);
            ensure!(all, "not tried: {attempts:?}");
            Ok(())
        }))
    }

    /// At most this many answers of the step took more than one attempt.
    pub(crate) fn retried_at_most(self, limit: usize) -> Self {
        self.expects(Check::Replies(Box::new(move |_, replies| {
            let attempts = |reply: &&Reply| {
                let attempts = reply.body["openrouter_metadata"]["attempts"].as_array();
                attempts.is_some_and(|attempts| attempts.len() > 1)
            };
            let retried = replies.iter().filter(attempts).count();
            ensure!(retried <= limit, "{retried} of {} were tried again", replies.len());
            Ok(())
        })))
    }

    /// Every answer costs this many dollars per million tokens.
    pub(crate) fn costs(self, dollars: f64) -> Self {
        self.succeeds().expects(Check::each(move |_, reply| {
            let usage = &reply.body["usage"];
            let tokens = |name: &str| usage[name].as_f64().unwrap_or(f64::NAN);
            let expected = (tokens("prompt_tokens") + tokens("completion_tokens")) * dollars / 1e6;
            let cost = tokens("cost");
            ensure!((cost - expected).abs() < 1e-9, "costs {cost}, not {expected}");
            Ok(())
        }))
    }

    /// Every request is refused, with this code of availability.
    pub(crate) fn unavailable(self, status: u16, code: &'static str) -> Self {
        let retries = matches!(code, "capacity_exhausted" | "temporarily_unavailable");
        self.status(status)
            .has("/error/code", json!(status))
            .has("/error/availability/code", json!(code))
            .has("/error/availability/retryable", json!(retries))
            .says("`docs_url` and `requested_models` are given", |reply| {
                let availability = &reply.body["error"]["availability"];
                availability["docs_url"].is_string() && availability["requested_models"].is_array()
            })
    }

    /// The refusal names what excluded every endpoint.
    pub(crate) fn excluded_by(self, what: &'static str) -> Self {
        self.has("/error/availability/excluded_by", json!([what])).says("`constraint` is given", |reply| {
            reply.body["error"]["availability"]["constraint"].is_object()
        })
    }

    /// How often an endpoint was called by now.
    pub(crate) fn called(self, model: &'static str, letter: char, calls: RangeInclusive<usize>) -> Self {
        self.expects(Check::Calls(model, letter, calls))
    }

    pub(crate) fn has_header(self, name: &'static str, value: &'static str) -> Self {
        self.expects(Check::each(move |_, reply| {
            ensure!(reply.header(name) == value, "`{name}` is `{}`, not `{value}`", reply.header(name));
            Ok(())
        }))
    }
}

/// All answers are one.
pub(crate) fn one_id() -> Check {
    Check::Replies(Box::new(|_, replies| {
        let first = replies.first().map(|reply| &reply.body["id"]);
        ensure!(replies.iter().all(|reply| Some(&reply.body["id"]) == first), "several were made");
        Ok(())
    }))
}

/// Among the rows of a list is one whose `member` is `value`, with these members beside.
pub(crate) fn has_row(member: &'static str, value: &'static str, members: Value) -> Check {
    Check::each(move |cast, reply| {
        let value = json!(cast.text(value));
        let rows = reply.body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = rows.iter().find(|row| row[member] == value).with_context(|| format!("no {value}"))?;
        for (name, expected) in members.as_object().into_iter().flatten() {
            ensure!(row[name] == *expected, "`{name}` is {}", row[name]);
        }
        Ok(())
    })
}

/// Of the endpoints of one model, a list holds that whose `member` is `listed` and not that with `other`.
pub(crate) fn lists(
    member: &'static str,
    listed: &'static str,
    other: &'static str,
    model: &'static str,
) -> Check {
    Check::each(move |cast, reply| {
        let rows = reply.body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let model = json!(cast.text(model));
        let of_model: Vec<&Value> =
            rows.iter().filter(|row| row["model_id"] == model).map(|row| &row[member]).collect();
        ensure!(of_model == [&json!(cast.text(listed))], "holds {of_model:?} and not {other}");
        Ok(())
    })
}
