//! The three dialects that conversations are held in, read raw: the grammar of their streams, what they say an
//! answer costs, and that a provider's fault is the same error in each, whatever dialect the provider speaks.

mod fault;
mod skin;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use testkit::{Api, Platform};

use crate::{Scenario, free_model, scenarios};
use fault::Fault;
use skin::{Answer, Skin};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        streams_keep_their_grammar_and_cost_what_is_charged,
        whole_answers_cost_what_is_charged,
        a_fault_is_the_same_error_in_every_skin,
        filtered_content_is_told_in_every_skin,
    ]
}

/// Dear models reserve much.
async fn account(platform: &Platform) -> anyhow::Result<Api> {
    free_model::price(platform).await?;
    Ok(platform.api_as(&platform.admin.organisation("10000").await?.api_key))
}

async fn streams_keep_their_grammar_and_cost_what_is_charged(platform: Arc<Platform>) -> anyhow::Result<()> {
    let api = account(&platform).await?;
    for target in skin::targets()? {
        for skin in Skin::ALL {
            let about = format!("{skin:?} over {}", target.dialect);
            let answer = skin.ask(&api, &target, "Count to five.", true).await?;
            let events = answer.events().with_context(|| about.clone())?;
            skin.check_grammar(&events).with_context(|| format!("{about}: {events:?}"))?;
            charged(&platform, &answer, skin, &about).await?;
        }
    }
    Ok(())
}

async fn whole_answers_cost_what_is_charged(platform: Arc<Platform>) -> anyhow::Result<()> {
    let api = account(&platform).await?;
    for target in skin::targets()? {
        for skin in Skin::ALL {
            let about = format!("{skin:?} over {}", target.dialect);
            let answer = skin.ask(&api, &target, "Say hello.", false).await?;
            charged(&platform, &answer, skin, &about).await?;
        }
    }
    Ok(())
}

/// The answer has one identity, and its cost is what the books say.
async fn charged(platform: &Platform, answer: &Answer, skin: Skin, about: &str) -> anyhow::Result<()> {
    ensure!(answer.status() == 200, "{about}: {answer:?}");
    let id = answer.header("x-generation-id");
    ensure!(id.starts_with("gen-"), "{about}: {answer:?}");
    ensure!(answer.ids(skin)?.iter().all(|other| other == id), "{about}: not all of it is {id}: {answer:?}");
    let cost = answer.cost(skin)?.with_context(|| format!("{about}: no cost in {answer:?}"))?;
    let charge = platform.ledger.charge(id).await?;
    let difference = (cost * 1e9 - charge.nanos as f64).abs();
    ensure!(difference < 0.5, "{about}: {cost} dollars is not {charge:?}");
    Ok(())
}

async fn a_fault_is_the_same_error_in_every_skin(platform: Arc<Platform>) -> anyhow::Result<()> {
    let api = account(&platform).await?;
    for target in skin::targets()? {
        for fault in fault::all(&target) {
            for skin in Skin::ALL {
                let about = format!("{} in {skin:?} over {}", fault.script, target.dialect);
                let prompt = format!("Count to five. [[sim: {}]]", fault.script);
                let answer = skin.ask(&api, &target, &prompt, fault.stream).await?;
                same(&fault, &answer, skin).with_context(|| format!("{about}: {answer:?}"))?;
            }
        }
    }
    Ok(())
}

fn same(fault: &Fault, answer: &Answer, skin: Skin) -> anyhow::Result<()> {
    ensure!(answer.status() == fault.status, "status {} is not {}", answer.status(), fault.status);
    let wait = answer.header("retry-after");
    ensure!(fault.retry_after.is_none_or(|expected| wait == expected), "Retry-After is `{wait}`");
    let error_type = answer.error_type(skin)?;
    ensure!(error_type == fault.error_type, "{error_type} is not {}", fault.error_type);
    Ok(())
}

async fn filtered_content_is_told_in_every_skin(platform: Arc<Platform>) -> anyhow::Result<()> {
    let api = account(&platform).await?;
    for target in skin::targets()? {
        let Some(word) = fault::word_of_a_filter(&target) else { continue };
        for skin in Skin::ALL {
            for stream in [false, true] {
                let prompt = format!("Count to five. [[sim: finish={word}]]");
                let answer = skin.ask(&api, &target, &prompt, stream).await?;
                let finish = answer.finish(skin)?;
                ensure!(
                    finish == skin.word_of_a_filter(),
                    "{skin:?} over {}: {finish}: {answer:?}",
                    target.dialect
                );
            }
        }
    }
    Ok(())
}
