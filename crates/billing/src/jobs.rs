//! What runs by itself. Every job of every replica runs; each is safe beside its twins.

mod budgets;
mod check;
mod consume;
mod invoices;
mod ledger;
mod notices;
mod payments;
mod recall;
mod sweep;
mod usage;

use crate::Error;
use crate::app::App;

/// Whether a job fails: said aloud when it begins to, and quietly while it goes on.
#[derive(Debug, Default)]
struct Failing(bool);

impl Failing {
    /// Takes what a pass came to. `job` names it in the log.
    fn note(&mut self, job: &str, outcome: Result<(), Error>) {
        let was_failing = std::mem::replace(&mut self.0, outcome.is_err());
        match outcome {
            Ok(()) => {}
            Err(error) if was_failing => {
                tracing::debug!(job, error = &error as &dyn std::error::Error, "a job failed again");
            }
            Err(error) => {
                tracing::warn!(job, error = &error as &dyn std::error::Error, "a job failed");
            }
        }
    }
}

pub(crate) fn start(app: &App, bus: Option<async_nats::Client>) {
    app.tasks.spawn(sweep::run(app.clone()));
    app.tasks.spawn(sweep::open_days(app.clone()));
    app.tasks.spawn(check::run(app.clone()));
    app.tasks.spawn(recall::run(app.clone()));
    app.tasks.spawn(budgets::run(app.clone()));
    app.tasks.spawn(notices::watch(app.clone(), bus.clone()));
    app.tasks.spawn(notices::deliver(app.clone()));
    app.tasks.spawn(payments::run(app.clone()));
    app.tasks.spawn(invoices::run(app.clone()));
    app.tasks.spawn(usage::fold(app.clone()));
    app.tasks.spawn(usage::forget(app.clone()));
    app.tasks.spawn(ledger::seal(app.clone()));
    app.tasks.spawn(ledger::compare_bills(app.clone()));
    if let Some(bus) = bus {
        for shard in 0..rpc::subjects::SHARDS {
            app.tasks.spawn(consume::run(app.clone(), bus.clone(), shard));
        }
    }
}
