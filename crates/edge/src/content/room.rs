//! Texts and JSON read into bounded room: what does not fit is passed over, and what stays says so.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What a value takes beside its text.
const OVERHEAD: usize = 16;
/// Words that say what something is are kept where texts are not.
const WORD: usize = 32;
/// Media of more than so many bytes are named, not kept.
const LONGEST_MEDIA: usize = 1_024;
/// Members that hold media in base64.
const MEDIA: [&str; 4] = ["data", "b64_json", "file_data", "image_data"];
/// In the first bytes of a data URL.
const BASE64: &str = ";base64,";
const LONGEST_TYPE: usize = 128;

/// Bytes that are left.
pub(super) struct Room {
    left: usize,
    pub(super) is_cut: bool,
}

impl Room {
    pub(super) const fn new(bytes: usize) -> Self {
        Self { left: bytes, is_cut: false }
    }

    /// As much of a text as fits.
    pub(super) fn text(&mut self, text: Cow<'_, str>) -> String {
        if let Some(media) = media_type(&text) {
            return media;
        }
        if text.len() <= self.left || (text.len() <= WORD && self.is_cut) {
            self.left = self.left.saturating_sub(text.len());
            return text.into_owned();
        }
        let end = (0..=self.left).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (kept, more) = text.split_at(end);
        self.left = 0;
        self.is_cut = true;
        format!("{kept}[cut: {} more bytes]", more.len())
    }

    /// As much of a value as fits; null where it is none.
    pub(super) fn value(&mut self, json: &RawValue) -> Value {
        let mut reader = serde_json::Deserializer::from_str(json.get());
        self.deserialize(&mut reader).unwrap_or_default()
    }
}

/// What stands for media in a text that is a data URL.
fn media_type(text: &str) -> Option<String> {
    if text.len() <= LONGEST_MEDIA || !text.starts_with("data:") {
        return None;
    }
    let end = text.bytes().take(LONGEST_TYPE).collect::<Vec<u8>>();
    let at = memchr::memmem::find(&end, BASE64.as_bytes())? + BASE64.len();
    let start = text.get(..at)?;
    Some(format!("{start}[not kept: {} bytes]", text.len() - at))
}

impl<'de> DeserializeSeed<'de> for &mut Room {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.left = self.left.saturating_sub(OVERHEAD);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Room {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(self.text(Cow::Borrowed(text)).into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(self.text(Cow::Owned(text)).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while self.left > 0 {
            match items.next_element_seed(&mut *self)? {
                Some(item) => kept.push(item),
                None => return Ok(kept.into()),
            }
        }
        let mut more = 0_u64;
        while items.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        if more > 0 {
            self.is_cut = true;
            kept.push(format!("[cut: {more} more]").into());
        }
        Ok(kept.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            let json = members.next_value::<&'de RawValue>()?;
            // Long texts of members for which there is no room any more would only repeat that.
            if self.left == 0 && json.get().len() > WORD {
                self.is_cut = true;
                continue;
            }
            self.left = self.left.saturating_sub(name.len());
            let value = if MEDIA.contains(&name.as_ref()) && is_long_text(json) {
                format!("[not kept: {} bytes]", json.get().len() - 2).into()
            } else {
                self.value(json)
            };
            kept.insert(name.into_owned(), value);
        }
        Ok(kept.into())
    }
}

fn is_long_text(json: &RawValue) -> bool {
    json.get().len() > LONGEST_MEDIA && json.get().starts_with('"') && !json.get().starts_with("\"data:")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value, bytes: usize) -> (Value, bool) {
        let raw = serde_json::value::to_raw_value(json).unwrap();
        let mut room = Room::new(bytes);
        (room.value(&raw), room.is_cut)
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        let value = json!([{ "role": "user", "content": [{ "type": "text", "text": "žluť" }], "n": 1.5, "x": null, "y": -3 }]);
        assert_eq!(read(&value, 10_000), (value, false));
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let long = "ž".repeat(500);
        let value = json!([{ "role": "user", "content": long }, { "role": "user", "content": "later" }, 3]);
        let (kept, is_cut) = read(&value, 201);
        assert!(is_cut);
        let text = kept[0]["content"].as_str().unwrap();
        assert!(text.starts_with("žž") && text.ends_with("more bytes]") && text.len() < 250, "{text}");
        assert_eq!(kept[0]["role"], "user");
        assert_eq!(kept[1], "[cut: 2 more]");
    }

    #[test]
    fn many_small_things_are_cut_too() {
        let (kept, is_cut) = read(&json!(vec![0; 100_000]), 1_600);
        assert!(is_cut && kept.as_array().unwrap().len() <= 101);
    }

    #[test]
    fn media_are_named_and_not_kept() {
        let (data, url) = ("A".repeat(5_000), format!("data:image/png;base64,{}", "A".repeat(5_000)));
        let value = json!({ "image_url": { "url": url }, "input_audio": { "data": data, "format": "wav" } });
        let (kept, is_cut) = read(&value, 1_000);
        assert!(!is_cut);
        assert_eq!(kept["image_url"]["url"], "data:image/png;base64,[not kept: 5000 bytes]");
        assert_eq!(kept["input_audio"], json!({ "data": "[not kept: 5000 bytes]", "format": "wav" }));
    }
}
