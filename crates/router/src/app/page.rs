//! What of the catalogue an operator asks for, and the rows that answer it.

use serde_json::{Value, json};

use super::edit_row::refused;
use crate::Error;

/// What of the catalogue is asked for. Empty text and zero ask for no less.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// `providers`, `models` or `endpoints`; empty = all of it.
    pub(crate) resource: String,
    /// One row of the resource, by slug or id.
    pub(crate) name: String,
    /// Only of this model.
    pub(crate) model: String,
    /// Only of this provider.
    pub(crate) provider: String,
    /// Only models in whose names this stands, in small letters.
    pub(crate) text: String,
    /// The last row of the page before.
    pub(crate) after: String,
    pub(crate) limit: usize,
}

impl From<rpc::router::DescribeCatalogueRequest> for Asked {
    fn from(request: rpc::router::DescribeCatalogueRequest) -> Self {
        Self {
            resource: request.resource,
            name: request.name,
            model: request.model,
            provider: request.provider,
            text: request.text.to_lowercase(),
            after: request.after,
            limit: usize::try_from(request.limit).unwrap_or(0),
        }
    }
}

impl Asked {
    /// Of rows in their order, each with the name it goes by, those that are asked for, rendered: one as
    /// `{"version", "data": {..}}`, or a page as `{"version", "data": [..], "next"}`.
    ///
    /// # Errors
    /// [`Error`] when the row that is named does not exist.
    pub(super) fn answer<T>(
        &self,
        kind: &'static str,
        version: u64,
        rows: Vec<(String, T)>,
        render: impl Fn(T) -> Value,
    ) -> Result<Value, Error> {
        if !self.name.is_empty() {
            let found = rows.into_iter().find(|(name, _)| *name == self.name);
            let (_, row) = found.ok_or_else(|| Error::NotFound { kind, name: self.name.clone() })?;
            return Ok(json!({ "version": version, "data": render(row) }));
        }
        let skipped = match self.after.as_str() {
            "" => 0,
            after => match rows.iter().position(|(name, _)| name == after) {
                Some(at) => at + 1,
                None => return Err(refused(format!("`after` must name the last {kind} of a page"))),
            },
        };
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let left = rows.len().saturating_sub(skipped);
        let page: Vec<(String, T)> = rows.into_iter().skip(skipped).take(limit).collect();
        let next = page.last().filter(|_| left > page.len()).map(|(name, _)| name.clone());
        let data: Vec<Value> = page.into_iter().map(|(_, row)| render(row)).collect();
        Ok(json!({ "version": version, "data": data, "next": next }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(asked: &Asked) -> Result<Value, Error> {
        let rows = ["a", "b", "c"].map(|name| (name.to_owned(), name));
        asked.answer("row", 7, rows.to_vec(), Value::from)
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let first = answer(&Asked { limit: 2, ..Asked::default() }).unwrap();
        assert_eq!(first, json!({ "version": 7, "data": ["a", "b"], "next": "b" }));
        let last = answer(&Asked { limit: 2, after: "b".to_owned(), ..Asked::default() }).unwrap();
        assert_eq!(last, json!({ "version": 7, "data": ["c"], "next": null }));
        assert!(answer(&Asked { after: "x".to_owned(), ..Asked::default() }).is_err());
    }

    #[test]
    fn one_row_is_no_list() {
        let one = answer(&Asked { name: "b".to_owned(), ..Asked::default() }).unwrap();
        assert_eq!(one, json!({ "version": 7, "data": "b" }));
        assert!(matches!(
            answer(&Asked { name: "x".to_owned(), ..Asked::default() }),
            Err(Error::NotFound { .. })
        ));
    }
}
