//! Documents: what they say is what was charged, in every form.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use aws_lc_rs::digest;
use flate2::read::ZlibDecoder;
use serde_json::Value;

use super::{Business, DOLLAR, FEE, nanos};

impl Business<'_> {
    /// The statement of the closed period: issued by the operator, read by the tenant in all forms.
    pub(super) async fn statement(&self, period: &str) -> anyhow::Result<Value> {
        let admin = &self.platform.admin;
        let draft = admin.draft(&self.organisation, period).await?;
        let id = draft["id"].as_str().unwrap_or_default();
        let early = admin.download(&format!("/invoices/{id}.pdf")).await?;
        ensure!(early.status == 200 && early.bytes.starts_with(b"%PDF"), "the draft: {early:?}");
        let issued = admin.post(&format!("/invoices/{id}/finalise"), Value::Null).await?;
        let again = admin.post(&format!("/invoices/{id}/finalise"), Value::Null).await?;
        ensure!(again["number"] == issued["number"] && issued["state"] == "finalised", "{issued} {again}");
        let number = issued["number"].as_str().unwrap_or_default();
        ensure!(number.starts_with("STM-"), "{issued}");
        let said = self.read(number).await?;
        let totals = &said["totals"];
        // The fee of the purchase was paid with it.
        ensure!(nanos(&totals["charges"])? == self.sum() + FEE, "{said}");
        ensure!(nanos(&totals["amount_due"])? == 0, "{said}");
        ensure!(
            said["customer"]["name"] == "Example Ltd" && said["customer"]["reference"] == "PO 7",
            "{said}"
        );
        ensure!(nanos(&said["account"]["closing"])? == 25 * DOLLAR - self.sum(), "{said}");
        let lines = said["lines"].as_array().cloned().unwrap_or_default();
        let usage = lines.iter().filter(|line| line["kind"] == "usage");
        let lines: i64 = usage.clone().map(|line| nanos(&line["amount"])).sum::<anyhow::Result<_>>()?;
        ensure!(usage.count() == 2 && lines == self.sum(), "{said}");
        self.export(period).await?;
        let shown = admin.get(&format!("/invoices/{id}")).await?;
        ensure!(shown["sha256"].as_str().is_some_and(|hash| hash.len() == 64), "{shown}");
        Ok(issued)
    }

    /// The receipt of the purchase, fee included.
    pub(super) async fn receipt(&self) -> anyhow::Result<()> {
        let path = format!("/tenants/{}/invoices?kind=receipt", self.organisation.id);
        let has_one = |body: &Value| body["data"].as_array().is_some_and(|rows| !rows.is_empty());
        self.platform.admin.wait_for(&path, has_one).await?;
        let listed = self.manager.get("/invoices?kind=receipt").await?;
        ensure!(listed.body["data"].as_array().is_some_and(|rows| rows.len() == 1), "{listed:?}");
        let said = self.read(listed.body["data"][0]["number"].as_str().unwrap_or_default()).await?;
        let totals = &said["totals"];
        let amounts = [&totals["credit"], &totals["fee"], &totals["paid"]].map(nanos);
        let [credit, fee, paid] = amounts;
        ensure!((credit?, fee?, paid?) == (25 * DOLLAR, FEE, 25 * DOLLAR + FEE), "{said}");
        Ok(())
    }

    /// A document of the tenant's as JSON, whose hash is right, and which HTML and PDF go by.
    async fn read(&self, number: &str) -> anyhow::Result<Value> {
        let json = self.manager.download(&format!("/invoices/{number}.json")).await?;
        ensure!(json.status == 200, "{number}: {json:?}");
        let hash = digest::digest(&digest::SHA256, &json.bytes);
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(json.header("x-document-sha256") == hash, "{number}: {hash} {json:?}");
        let html = self.manager.download(&format!("/invoices/{number}.html")).await?;
        let text = String::from_utf8(html.bytes.to_vec())?;
        ensure!(html.header("content-type").starts_with("text/html") && text.contains(number), "{text}");
        let pdf = self.manager.download(&format!("/invoices/{number}.pdf")).await?;
        ensure!(
            pdf.header("content-type") == "application/pdf" && pdf.bytes.starts_with(b"%PDF"),
            "{number}"
        );
        ensure!(
            streams(&pdf.bytes).any(|stream| stream == json.bytes),
            "the PDF of {number} does not carry its JSON"
        );
        serde_json::from_slice(&json.bytes).context("a document is JSON")
    }

    /// The export of the period has every generation, to the nano.
    async fn export(&self, period: &str) -> anyhow::Result<()> {
        let csv = self.manager.download(&format!("/usage.csv?period={period}")).await?;
        let text = String::from_utf8(csv.bytes.to_vec())?;
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().context("an empty export")?;
        let column = |name: &str| head.iter().position(|column| *column == name);
        let charge = column("charge_usd").with_context(|| text.clone())?;
        let charges: Vec<i64> =
            lines.map(|line| nanos(&Value::from(line[charge]))).collect::<anyhow::Result<_>>()?;
        ensure!(
            (charges.len(), charges.iter().sum()) == (self.generations.len(), self.sum()),
            "the export: {text}"
        );
        Ok(())
    }
}

/// What every compressed stream of a PDF holds.
fn streams(pdf: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    const BEGIN: &[u8] = b"stream\n";
    let begins = pdf.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN);
    begins.filter_map(move |(at, _)| {
        let mut whole = Vec::new();
        ZlibDecoder::new(&pdf[at + BEGIN.len()..]).read_to_end(&mut whole).ok()?;
        Some(whole)
    })
}
