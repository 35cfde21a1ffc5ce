//! Everything that a platform keeps or passes on, looked through for texts that must not be there.

use std::path::{Path, PathBuf};

use sqlx::Row as _;

use crate::Platform;

impl Platform {
    /// Where logs, spools, streams and secrets are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Every table of the database whose rows hold one of these texts, as it is or as the hexadecimal digits of
    /// its bytes: `schema.table: text`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn rows_with(&self, texts: &[String]) -> anyhow::Result<Vec<String>> {
        let tables = sqlx::query(
            "select quote_ident(table_schema) || '.' || quote_ident(table_name) as name
             from information_schema.tables
             where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
        )
        .fetch_all(&self.ledger.0)
        .await?;
        anyhow::ensure!(tables.len() > 20, "only {} tables", tables.len());
        let mut found = Vec::new();
        for table in tables {
            let table: String = table.try_get("name")?;
            let statement = format!(
                "select text from unnest($1::text[]) text where exists (
                     select from {table} t where position(text in t::text) > 0
                     or position(encode(convert_to(text, 'UTF8'), 'hex') in t::text) > 0)"
            );
            let texts: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .bind(texts)
                .fetch_all(&self.ledger.0)
                .await?;
            found.extend(texts.into_iter().map(|text| format!("{table}: {text}")));
        }
        Ok(found)
    }

    /// Whether the database has a table or view of this name.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn has_table(&self, name: &str) -> anyhow::Result<bool> {
        let found = sqlx::query_scalar("select to_regclass($1) is not null").bind(name);
        Ok(found.fetch_one(&self.ledger.0).await?)
    }

    /// Puts what is sealed of one organisation's provider credentials into the rows of another's, and the other
    /// way round.
    ///
    /// # Errors
    /// When each does not have exactly one.
    pub async fn swap_credentials(&self, one: &str, other: &str) -> anyhow::Result<()> {
        let swap = "update identity.provider_credential mine set sealed = theirs.sealed
            from identity.provider_credential theirs
            where mine.tenant_id <> theirs.tenant_id
              and mine.tenant_id::text = any($1) and theirs.tenant_id::text = any($1)";
        let of = vec![one.to_owned(), other.to_owned()];
        let done = sqlx::query(swap).bind(of).execute(&self.ledger.0).await?;
        anyhow::ensure!(done.rows_affected() == 2, "{} rows were swapped", done.rows_affected());
        // So that edges look again.
        let told = "select identity.tenant_changed(id::uuid) from unnest($1::text[]) id";
        sqlx::query(told).bind(vec![one.to_owned(), other.to_owned()]).execute(&self.ledger.0).await?;
        Ok(())
    }

    /// Every file below the platform's directory that is not in `but`, with its bytes.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn files(&self, but: &[&str]) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut files = Vec::new();
        let mut folders = vec![self.directory.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.strip_prefix(&self.directory)?.display().to_string();
                if but.contains(&name.as_str()) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                // A file may go while it is looked for.
                } else if let Ok(bytes) = std::fs::read(&path) {
                    files.push((path, bytes));
                }
            }
        }
        Ok(files)
    }
}
