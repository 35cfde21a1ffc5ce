//! Where in a body something is, and members read with that place at hand.

use std::fmt;

use serde_json::{Map, Value};

use super::limits::check_depth;
use crate::error::BadRequest;

/// A place in a JSON document, printed as `messages[2].role`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self::Member(self, name)
    }

    pub(super) fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }

    /// `messages[2].role must be a string`
    pub(super) fn must(&self, be: &str) -> BadRequest {
        BadRequest::new(format!("`{self}` must {be}"))
    }

    pub(super) fn object(&self, value: Value) -> Result<Map<String, Value>, BadRequest> {
        match value {
            Value::Object(members) => Ok(members),
            _ => Err(self.must("be an object")),
        }
    }

    pub(super) fn string(&self, value: Value) -> Result<String, BadRequest> {
        match value {
            Value::String(text) => Ok(text),
            _ => Err(self.must("be a string")),
        }
    }

    pub(super) fn list(&self, value: Value) -> Result<Vec<Value>, BadRequest> {
        match value {
            Value::Array(items) => Ok(items),
            _ => Err(self.must("be an array")),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("the request body"),
            Self::Member(Self::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The members of one object, taken out one by one. `null` counts as absent.
pub(super) struct Members<'a> {
    pub(super) path: &'a Path<'a>,
    map: Map<String, Value>,
}

impl<'a> Members<'a> {
    /// The members of a request's body.
    ///
    /// # Errors
    /// When it is no JSON object or nests too deep.
    pub(super) fn of_body(body: &[u8], path: &'a Path<'a>) -> Result<Self, BadRequest> {
        check_depth(body)?;
        let value: Value = serde_json::from_slice(body).map_err(BadRequest::not_json)?;
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            _ => Err(BadRequest::new("the request body must be a JSON object")),
        }
    }

    /// # Errors
    /// When `value` is no object.
    pub(super) fn of(value: Value, path: &'a Path<'a>) -> Result<Self, BadRequest> {
        Ok(Self { path, map: path.object(value)? })
    }

    pub(super) fn value(&mut self, name: &str) -> Option<Value> {
        self.map.shift_remove(name).filter(|value| !value.is_null())
    }

    /// A member that stays where it is.
    pub(super) fn look_at(&self, name: &str) -> Option<&Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, BadRequest> {
        self.value(name).map(|value| self.path.member(name).string(value)).transpose()
    }

    /// # Errors
    /// When the member is absent, no string or empty.
    pub(super) fn required_string(&mut self, name: &str) -> Result<String, BadRequest> {
        match self.string(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.path.member(name).must("be a string that is not empty")),
        }
    }

    /// # Errors
    /// When the member is no string or longer than `limit` characters.
    pub(super) fn short_string(&mut self, name: &str, limit: usize) -> Result<Option<String>, BadRequest> {
        match self.string(name)? {
            Some(text) if text.chars().count() > limit => {
                Err(self.path.member(name).must(&format!("have at most {limit} characters")))
            }
            text => Ok(text),
        }
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<Option<bool>, BadRequest> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.path.member(name).must("be true or false")),
        }
    }

    pub(super) fn integer(&mut self, name: &str, least: u64) -> Result<Option<u64>, BadRequest> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if number >= least => Ok(Some(number)),
            _ => Err(self.path.member(name).must(&format!("be an integer of at least {least}"))),
        }
    }

    pub(super) fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f64>, BadRequest> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(self.path.member(name).must(&format!("be a number from {least} to {most}"))),
        }
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, BadRequest> {
        self.value(name).map(|value| self.path.member(name).list(value)).transpose()
    }

    /// What has not been taken, without nulls.
    pub(super) fn rest(mut self) -> Map<String, Value> {
        self.map.retain(|_, value| !value.is_null());
        self.map
    }
}
