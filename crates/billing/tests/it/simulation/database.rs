//! The real functions in a private database, with a clock that only the simulation moves.

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use crate::support::postgres::Database;

/// Where the simulated time begins; every seed begins some hours after it. Days, weeks and months turn soon.
pub(super) const EPOCH_MS: i64 = 1_872_000_000_000; // 2029-04-27T16:00:00Z, a Friday

/// The clock is a setting of the session, and does not tick by itself. Days of usage are open for all of a seed.
const CLOCK: &str = "
    create or replace function billing.clock() returns timestamptz language sql volatile as $$
        select to_timestamp(current_setting('simulation.now_ms')::numeric / 1000) $$;
    select set_config('simulation.now_ms', '1872000000000', false);
    select billing.open_usage_days(16);
    update billing.period set opened_at = billing.clock();
    analyze;";

/// A database whose seeds leave nothing behind.
pub(super) struct Template(Database);

impl Template {
    pub(super) async fn create() -> Self {
        let database = Database::create().await;
        sqlx::raw_sql(CLOCK).execute(&database.admin).await.unwrap();
        Self(database)
    }

    pub(super) async fn session(&self) -> Session {
        let mut transaction = self.0.admin.begin().await.unwrap();
        // As billing does it: through its role and every policy.
        sqlx::raw_sql("set local role patchbay_billing").execute(&mut *transaction).await.unwrap();
        Session { transaction: Some(transaction), now_ms: 0 }
    }
}

/// The connection of one seed. Crashes of a session are savepoints that are rolled back.
pub(super) struct Session {
    transaction: Option<Transaction<'static, Postgres>>,
    now_ms: i64,
}

impl Session {
    fn connection(&mut self) -> &mut PgConnection {
        self.transaction.as_mut().expect("the seed runs")
    }

    /// Rolls everything back.
    pub(super) async fn forget(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            transaction.rollback().await.unwrap();
        }
    }

    pub(super) async fn raw(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.connection()).await.unwrap();
    }

    pub(super) async fn set_clock(&mut self, now_ms: i64) {
        if self.now_ms != now_ms {
            self.now_ms = now_ms;
            // Billing sweeps all the while.
            let set = format!(
                "set simulation.now_ms = '{now_ms}'; update billing.pulse set beat_at = billing.clock()"
            );
            sqlx::raw_sql(AssertSqlSafe(set)).execute(self.connection()).await.unwrap();
        }
    }

    /// Runs a statement of one JSON argument.
    pub(super) async fn query(&mut self, sql: &'static str, argument: &Value) -> Vec<PgRow> {
        match sqlx::query(sql).bind(argument).fetch_all(self.connection()).await {
            Ok(rows) => rows,
            Err(error) => panic!("{sql}: {error}\n{argument}"),
        }
    }

    /// Runs a statement that may be refused: by its code where it was.
    pub(super) async fn try_query(
        &mut self,
        sql: &'static str,
        argument: &Value,
    ) -> Result<Vec<PgRow>, String> {
        self.raw("savepoint step").await;
        match sqlx::query(sql).bind(argument).fetch_all(self.connection()).await {
            Ok(rows) => {
                self.raw("release step").await;
                Ok(rows)
            }
            Err(error) => {
                self.raw("rollback to step").await;
                let code =
                    error.as_database_error().and_then(|error| error.code().map(|code| code.to_string()));
                match code {
                    Some(code) if code.starts_with("PB") => Err(code),
                    _ => panic!("{sql}: {error}\n{argument}"),
                }
            }
        }
    }

    /// Runs a statement whose session dies before it has committed.
    pub(super) async fn die_in(&mut self, sql: &'static str, argument: &Value) {
        self.raw("savepoint step").await;
        let _ = sqlx::query(sql).bind(argument).fetch_all(self.connection()).await;
        self.raw("rollback to step").await;
    }
}
