//! Providers' bills: read from what their consoles export, kept, compared and paid.

mod columns;

use std::collections::HashMap;

use chrono::NaiveDate;
use rpc::billing::ImportBillRequest;
use rpc::convert::Malformed;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use self::columns::Columns;
use crate::Error;
use crate::app::App;
use crate::store::bills::{self, Line};

/// Days that one bill may cover.
const DAYS: i64 = 400;

impl App {
    /// Keeps a bill, to be compared soon. The same file of the same provider again answers the same bill.
    ///
    /// # Errors
    /// [`Error::Malformed`], [`Error::Refused`] naming the line, or the database's.
    pub(crate) async fn import_bill(&self, request: ImportBillRequest) -> Result<Value, Error> {
        if request.provider.is_empty() {
            return Err(Malformed("provider").into());
        }
        let (first, last) = (day(&request.first_day, "first_day")?, day(&request.last_day, "last_day")?);
        if !(0..DAYS).contains(&(last - first).num_days()) {
            return Err(Malformed("last_day").into());
        }
        let (sha256, format) = (hex::encode(Sha256::digest(&request.csv)), request.format.clone());
        let bill = json!({
            "provider": request.provider,
            "format": format,
            "first_day": first,
            "last_day": last,
            "file_name": request.file_name,
            "sha256": sha256,
            "models": request.models,
            "imported_by": request.actor,
        });
        // A large file takes a while to read.
        let read = tokio::task::spawn_blocking(move || {
            read(&request.csv, &request.format, &request.columns, first, last)
        });
        let lines = read.await.map_err(|_| Error::Stopped)??;
        let pool = self.pool.clone();
        let id = self.owned(async move { bills::import(&pool, &bill, &lines).await }).await?;
        self.show_bill(id, "", 1).await
    }

    /// A bill, what came of it, and a page of its differences.
    ///
    /// # Errors
    /// [`Error::Unknown`], or the database's.
    pub(crate) async fn show_bill(&self, bill: Uuid, after: &str, limit: i32) -> Result<Value, Error> {
        bills::show(&self.pool, bill, after, limit).await?.ok_or(Error::Unknown("bill"))
    }
}

fn day(text: &str, field: &'static str) -> Result<NaiveDate, Malformed> {
    text.parse().map_err(|_| Malformed(field))
}

/// Reads a CSV file with a header.
///
/// # Errors
/// [`Error::Malformed`] for an unknown format, else [`Error::Refused`] naming the column or the line.
fn read(
    csv: &[u8],
    format: &str,
    named: &HashMap<String, String>,
    first: NaiveDate,
    last: NaiveDate,
) -> Result<Vec<Line>, Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(csv);
    let header = reader.headers().map_err(|error| Error::Refused(format!("the header: {error}")))?;
    let columns = Columns::find(header, format, named)?;
    let mut lines = Vec::new();
    for (place, row) in reader.records().enumerate() {
        // Lines as an editor counts them, as long as no field has a line feed.
        let at = |what: &str| Error::Refused(format!("line {}: {what}", place.saturating_add(2)));
        let row = row.map_err(|error| at(&error.to_string()))?;
        if row.iter().all(str::is_empty) {
            continue;
        }
        let line = columns.line(&row).map_err(at)?;
        if line.day < first || line.day > last {
            return Err(at(&format!("{} is not a day of the bill", line.day)));
        }
        lines.push(line);
    }
    if lines.is_empty() {
        return Err(Error::Refused("the file has no lines".to_owned()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn november(csv: &str, format: &str, named: &[(&str, &str)]) -> Result<Vec<Line>, Error> {
        let named = named.iter().map(|(what, column)| ((*what).to_owned(), (*column).to_owned())).collect();
        let date = |day| NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        read(csv.as_bytes(), format, &named, date(1), date(30))
    }

    #[test]
    fn an_export_of_costs_of_openai_is_read() {
        let csv = "start_time,end_time,start_time_iso,amount_value,amount_currency,line_item,organization_id\n\
                   1793491200,1793577600,2026-11-01T00:00:00+00:00,1.2345678912345,usd,\"gpt-4o-2024-08-06, input\",org\n\
                   1793491200,1793577600,2026-11-01T00:00:00+00:00,5e-7,usd,\"gpt-4o-2024-08-06, output\",org\n";
        let lines = november(csv, "openai", &[]).unwrap();
        let read: Vec<(&str, i64)> = lines.iter().map(|line| (line.model.as_str(), line.cost)).collect();
        assert_eq!(read, [("gpt-4o-2024-08-06", 1_234_567_891), ("gpt-4o-2024-08-06", 500)]);
        assert_eq!(lines[0].day.to_string(), "2026-11-01");
    }

    #[test]
    fn a_report_of_costs_of_anthropic_is_read() {
        let csv = "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type\n\
                   2026-11-02,claude-sonnet-4-5-20250929,default,key,message,0-200k,input_no_cache,0.30,token\n";
        let lines = november(csv, "anthropic", &[]).unwrap();
        assert_eq!((lines[0].model.as_str(), lines[0].cost), ("claude-sonnet-4-5-20250929", 300_000_000));
    }

    #[test]
    fn other_columns_may_be_named() {
        let csv = "When;no\n".replace(';', ",") + "";
        assert!(november(&csv, "generic", &[]).unwrap_err().to_string().contains("day"));
        let csv = "When,Id,What,Price,In\n2026-11-03T10:00:00Z,r-1,m,\"$1,000.5\",7\n,,,,\n";
        let named =
            [("day", "when"), ("request_id", "ID"), ("model", "what"), ("cost", "price"), ("input", "in")];
        let lines = november(csv, "generic", &named).unwrap();
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(
            (line.request_id.as_deref(), line.cost, line.input),
            (Some("r-1"), 1_000_500_000_000, Some(7))
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (row, what) in [
            ("2026-12-01,m,1", "not a day of the bill"),
            ("soon,m,1", "day"),
            ("2026-11-01,m,dear", "cost"),
            ("2026-11-01,,1", "model"),
            ("2026-11-01,m,1e30", "cost"),
        ] {
            let error =
                november(&format!("day,model,cost\n{row}\n"), "generic", &[]).unwrap_err().to_string();
            assert!(error.starts_with("line 2: ") && error.contains(what), "{row}: {error}");
        }
        assert!(november("day,model,cost\n", "generic", &[]).is_err());
        assert!(matches!(november("a,b\n1,2\n", "excel", &[]), Err(Error::Malformed(Malformed("format")))));
    }
}
