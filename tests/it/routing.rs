//! The routing language and the catalogue from outside: tables of promises in the user's words, each kept by
//! requests to the public API against simulated endpoints of its own with set prices, speeds, policies and faults.

mod answers;
mod browsing;
mod check;
mod filters;
mod names;
mod order;
mod policies;
mod refusals;
mod row;
mod run;
mod speed;

use std::sync::Arc;

use testkit::Platform;

use crate::{Scenario, scenarios};

pub(crate) fn scenarios() -> Vec<(&'static str, Scenario)> {
    scenarios![
        names_and_variants,
        router_models,
        wishes_and_filters,
        policies_and_places,
        order_and_balance,
        speed_and_health,
        tools_and_tiers,
        answers_and_metadata,
        availability_errors,
        the_catalogue,
    ]
}

async fn names_and_variants(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, names::rows()).await
}

async fn router_models(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, names::routers()).await
}

async fn wishes_and_filters(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, filters::rows()).await
}

async fn policies_and_places(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, policies::rows()).await
}

async fn order_and_balance(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, order::rows()).await
}

async fn speed_and_health(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, speed::rows()).await
}

async fn tools_and_tiers(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, speed::tools_and_tiers()).await
}

async fn answers_and_metadata(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, answers::rows()).await
}

async fn availability_errors(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, refusals::rows()).await
}

async fn the_catalogue(platform: Arc<Platform>) -> anyhow::Result<()> {
    run::all(&platform, browsing::rows()).await
}
