//! Crash points: what is said to billing may not arrive, be undone by a crash, or be done without an answer.

use rand::RngExt as _;
use serde_json::Value;
use sqlx::postgres::PgRow;

use super::world::World;

pub(super) enum Reply {
    Answered(Vec<PgRow>),
    /// Whoever asked knows nothing. `happened` is what the world knows.
    Lost {
        happened: bool,
    },
    Refused,
}

impl Reply {
    pub(super) fn happened(&self) -> bool {
        matches!(self, Self::Answered(_) | Self::Lost { happened: true })
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self, Self::Answered(_))
    }
}

impl World {
    /// One call of billing, with one JSON argument, by way of everything that may fail.
    pub(super) async fn call(&mut self, what: String, sql: &'static str, argument: &Value) -> Reply {
        self.session.set_clock(self.now_ms).await;
        let fate = if self.is_calm { 0 } else { self.random.random_range(0..100) };
        match fate {
            0..85 => {
                self.say(what);
                Reply::Answered(self.session.query(sql, argument).await)
            }
            85..92 => {
                self.say(format!("{what} (the answer is lost)"));
                self.session.query(sql, argument).await;
                Reply::Lost { happened: true }
            }
            92..96 => {
                self.say(format!("{what} (billing crashes before it commits)"));
                self.session.die_in(sql, argument).await;
                Reply::Lost { happened: false }
            }
            _ => {
                self.say(format!("{what} (lost on the way)"));
                Reply::Lost { happened: false }
            }
        }
    }

    /// [`Self::call`] of what may be refused.
    pub(super) async fn ask(&mut self, what: String, sql: &'static str, argument: &Value) -> Reply {
        self.session.set_clock(self.now_ms).await;
        let fate = if self.is_calm { 0 } else { self.random.random_range(0..100) };
        if fate >= 94 {
            self.say(format!("{what} (lost on the way)"));
            return Reply::Lost { happened: false };
        }
        match self.session.try_query(sql, argument).await {
            Err(code) => {
                self.say(format!("{what}: refused with {code}"));
                Reply::Refused
            }
            Ok(_) if fate >= 86 => {
                self.say(format!("{what} (the answer is lost)"));
                Reply::Lost { happened: true }
            }
            Ok(rows) => {
                self.say(what);
                Reply::Answered(rows)
            }
        }
    }
}
