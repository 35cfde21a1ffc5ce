//! Usage as CSV, in pieces, so that a month of any size takes little memory.

use std::fmt::Write as _;

use chrono::NaiveDate;
use identity::TenantId;
use rpc::billing::UsageCsv;
use tokio::sync::mpsc;
use tonic::Status;
use uuid::Uuid;

use crate::Error;
use crate::app::App;
use crate::store::usage_export::{COLUMNS, days, rows};

/// Rows of one piece.
const PAGE: i64 = 1_000;

/// Which usage is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Span {
    Period(i64),
    /// Both included, UTC.
    Days(NaiveDate, NaiveDate),
}

impl App {
    /// Sends a tenant's usage until all is sent or nobody listens any more.
    pub(crate) async fn export_usage(
        self,
        tenant: TenantId,
        span: Span,
        pieces: mpsc::Sender<Result<UsageCsv, Status>>,
    ) {
        if let Err(error) = self.send_usage(tenant, span, &pieces).await {
            let _ = pieces.send(Err(error.into())).await;
        }
    }

    async fn send_usage(
        &self,
        tenant: TenantId,
        span: Span,
        pieces: &mpsc::Sender<Result<UsageCsv, Status>>,
    ) -> Result<(), Error> {
        let mut text = line(&COLUMNS);
        let (found, period) = match span {
            Span::Period(period) => (days(&self.pool, tenant, period).await?, Some(period)),
            Span::Days(first, last) => (Some((first, last)), None),
        };
        let days =
            found.into_iter().flat_map(|(first, last)| first.iter_days().take_while(move |day| *day <= last));
        for day in days {
            let mut after = Uuid::nil();
            loop {
                let page = rows(&self.pool, tenant, day, period, after, PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = *last;
                text.extend(page.iter().map(|(_, cells)| line(cells)));
                if pieces.send(Ok(UsageCsv { csv: std::mem::take(&mut text).into() })).await.is_err() {
                    return Ok(());
                }
                if i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE) {
                    break;
                }
            }
        }
        if !text.is_empty() {
            let _ = pieces.send(Ok(UsageCsv { csv: text.into() })).await;
        }
        Ok(())
    }
}

/// One record as RFC 4180 has it.
fn line(cells: &[impl AsRef<str>]) -> String {
    let mut line = String::new();
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\r', '\n']) {
            // Writing to a string cannot fail.
            let _ = write!(line, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            line.push_str(cell);
        }
    }
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_with_signs_of_their_own_are_quoted() {
        assert_eq!(
            line(&["a", "b,c", "say \"hi\"", "two\nlines", ""]),
            "a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n"
        );
    }
}
