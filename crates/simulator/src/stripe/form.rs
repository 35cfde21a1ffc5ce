//! Forms with brackets: `metadata[order]=7&line_items[0][quantity]=1`.

use serde_json::{Map, Value};

use crate::route::decoded;

/// Names with their brackets, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(name, value)| (plain(name), plain(value))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// The values of a list, whether its members are numbered or not.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let is_member = move |known: &str| {
            known.strip_prefix(name).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
        };
        self.0.iter().filter(move |(known, _)| is_member(known)).map(|(_, value)| value.as_str())
    }

    /// The members below `name` as an object of strings.
    pub(super) fn map(&self, name: &str) -> Value {
        let inner = |known: &str| {
            let key = known.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            (!key.contains('[')).then(|| key.to_owned())
        };
        let members = self.0.iter().filter_map(|(known, value)| Some((inner(known)?, value.clone().into())));
        Value::Object(members.collect::<Map<String, Value>>())
    }
}

fn plain(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_make_lists_and_objects() {
        let form =
            Form::read(b"a=1&metadata%5Bx%5D=y+z&metadata[q]=%3D&expand[]=one&expand[1]=two&i[0][n]=7");
        assert_eq!((form.get("a"), form.number("i[0][n]")), (Some("1"), Some(7)));
        assert_eq!(form.map("metadata"), serde_json::json!({ "x": "y z", "q": "=" }));
        assert_eq!(form.all("expand").collect::<Vec<_>>(), ["one", "two"]);
    }
}
