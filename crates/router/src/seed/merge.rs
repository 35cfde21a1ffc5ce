//! Whose value stands: the operator's where one was set, else the newest shipped one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// The member that holds what the last seed wrote.
const SEEDED: &str = "seeded";

/// Brings a row up to date with the shipped one, member by member: a member that still is what the last seed
/// wrote takes the new value, any other was set by an operator and stays. A row that no seed ever wrote is
/// an operator's and stays whole. `None` when nothing changes. Members in `kept` are never taken; what is in
/// `beside` is no member and only remembered.
pub(super) fn merge<T>(
    current: &T,
    shipped: &T,
    kept: &[&str],
    beside: Map<String, Value>,
) -> Result<Option<T>, Error>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let (mut row, mut new) = (value(current)?, value(shipped)?);
    for name in kept.iter().chain([&SEEDED]) {
        if let Some(members) = new.as_object_mut() {
            members.remove(*name);
        }
    }
    let Some(seeded) = row.get(SEEDED).filter(|seeded| seeded.is_object()).cloned() else {
        return Ok(None);
    };
    for (name, value) in new.as_object().into_iter().flatten() {
        let is_ours = match seeded.get(name) {
            Some(written) => row.get(name) == Some(written),
            // A member that came after that seed, and that nobody has set since.
            None => row.get(name).is_none_or(is_unset),
        };
        if is_ours {
            row[name] = value.clone();
        }
    }
    remember(&mut new, beside);
    row[SEEDED] = new;
    let merged: T = serde_json::from_value(row).map_err(Error::Shipped)?;
    Ok((merged != *current).then_some(merged))
}

/// A shipped row as it is written the first time.
pub(super) fn first<T>(shipped: &T, kept: &[&str], beside: Map<String, Value>) -> Result<T, Error>
where
    T: Serialize + DeserializeOwned,
{
    let mut row = value(shipped)?;
    let mut seeded = row.clone();
    for name in kept.iter().chain([&SEEDED]) {
        if let Some(members) = seeded.as_object_mut() {
            members.remove(*name);
        }
    }
    remember(&mut seeded, beside);
    row[SEEDED] = seeded;
    serde_json::from_value(row).map_err(Error::Shipped)
}

fn remember(seeded: &mut Value, beside: Map<String, Value>) {
    if let Some(members) = seeded.as_object_mut() {
        members.extend(beside);
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn value<T: Serialize>(row: &T) -> Result<Value, Error> {
    serde_json::to_value(row).map_err(Error::Shipped)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Row {
        id: u8,
        url: String,
        name: String,
        seeded: Option<Value>,
    }

    fn row(id: u8, url: &str, name: &str) -> Row {
        Row { id, url: url.to_owned(), name: name.to_owned(), seeded: None }
    }

    #[test]
    fn an_operators_member_stays_and_the_others_follow() {
        let mut current = first(&row(1, "http://a", "old"), &["id"], Map::new()).unwrap();
        assert_eq!(merge(&current, &row(2, "http://a", "old"), &["id"], Map::new()).unwrap(), None);
        current.name = "mine".to_owned();
        let merged = merge(&current, &row(2, "http://b", "new"), &["id"], Map::new()).unwrap().unwrap();
        assert_eq!((merged.id, merged.url.as_str(), merged.name.as_str()), (1, "http://b", "mine"));
        let again = merge(&merged, &row(3, "http://c", "newer"), &["id"], Map::new()).unwrap().unwrap();
        assert_eq!((again.url.as_str(), again.name.as_str()), ("http://c", "mine"));
    }

    #[test]
    fn an_operators_row_stays_whole() {
        assert_eq!(
            merge(&row(1, "http://a", "mine"), &row(1, "http://b", "new"), &[], Map::new()).unwrap(),
            None
        );
    }
}
