//! Values that a JSON schema accepts.

use serde_json::{Map, Value, json};

use crate::seed::{ALPHANUMERIC, Dice, HEX};

/// How deep optional parts are still filled in.
const DEPTH: usize = 6;
const FORBIDDEN_DEPTH: usize = 24;

/// Makes values. `hints` are words that strings are made of first, such as the nouns of the prompt.
#[derive(Debug)]
pub(crate) struct Maker<'a> {
    root: &'a Value,
    dice: Dice,
    hints: &'a [String],
    used: usize,
}

impl<'a> Maker<'a> {
    pub(crate) const fn new(root: &'a Value, dice: Dice, hints: &'a [String]) -> Self {
        Self { root, dice, hints, used: 0 }
    }

    /// A value that the root schema accepts. Of `pattern` and `not` it knows nothing.
    pub(crate) fn make(&mut self) -> Value {
        self.value(self.root, "value", 0)
    }

    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let Some(fields) = schema.as_object() else { return json!(name) };
        if depth > FORBIDDEN_DEPTH {
            return Value::Null;
        }
        if let Some(fixed) = fields.get("const") {
            return fixed.clone();
        }
        if let Some(choices) =
            fields.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty())
        {
            return choices[self.dice.index(choices.len())].clone();
        }
        if let Some(target) =
            fields.get("$ref").and_then(Value::as_str).and_then(|path| resolve(self.root, path))
        {
            return self.value(target, name, depth + 1);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) =
                fields.get(key).and_then(Value::as_array).filter(|options| !options.is_empty())
            {
                let option = self.option(options, depth);
                return self.value(&joined(schema, key, option), name, depth + 1);
            }
        }
        if let Some(parts) = fields.get("allOf").and_then(Value::as_array) {
            let whole =
                parts.iter().fold(without(schema, "allOf"), |whole, part| merged(self.root, whole, part));
            return self.value(&whole, name, depth + 1);
        }
        self.typed(schema, fields, name, depth)
    }

    /// Any option at first; deep down one that ends.
    fn option(&mut self, options: &[Value], depth: usize) -> Value {
        let ends = |option: &&Value| {
            !matches!(kind(option).as_deref(), Some("object" | "array")) && option.get("$ref").is_none()
        };
        if depth > DEPTH
            && let Some(option) = options.iter().find(ends)
        {
            return option.clone();
        }
        let useful: Vec<&Value> =
            options.iter().filter(|option| kind(option).as_deref() != Some("null")).collect();
        useful.get(self.dice.index(useful.len())).map_or(Value::Null, |option| (*option).clone())
    }

    fn typed(&mut self, schema: &Value, fields: &Map<String, Value>, name: &str, depth: usize) -> Value {
        match kind(schema).as_deref() {
            Some("object") => self.object(fields, depth),
            Some("array") => self.array(fields, name, depth),
            Some("integer") => self.integer(fields),
            Some("number") => self.number(fields),
            Some("boolean") => json!(self.dice.below(2) == 0),
            Some("null") => Value::Null,
            _ => Value::String(self.string(fields, name)),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, depth: usize) -> Value {
        let required: Vec<&str> = strings(fields.get("required"));
        let mut object = Map::new();
        for (name, schema) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if depth <= DEPTH || required.contains(&name.as_str()) {
                object.insert(name.clone(), self.value(schema, name, depth + 1));
            }
        }
        let extra = fields.get("additionalProperties").filter(|schema| schema.is_object());
        for name in required {
            if !object.contains_key(name) {
                object.insert(name.to_owned(), self.value(extra.unwrap_or(&Value::Null), name, depth + 1));
            }
        }
        let least = count(fields, "minProperties", u64::from(extra.is_some() && object.is_empty()));
        for number in 1.. {
            if object.len() as u64 >= least {
                break;
            }
            let name = format!("key_{number}");
            let value = self.value(extra.unwrap_or(&Value::Null), &name, depth + 1);
            object.insert(name, value);
        }
        Value::Object(object)
    }

    fn array(&mut self, fields: &Map<String, Value>, name: &str, depth: usize) -> Value {
        let first = fields.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let least = count(fields, "minItems", 0);
        let usual = if depth > DEPTH { 0 } else { 1 + self.dice.below(3) };
        let length = usual.max(least).max(first.len() as u64).min(count(fields, "maxItems", u64::MAX));
        let unique = fields.get("uniqueItems") == Some(&json!(true));
        let single = name.strip_suffix('s').unwrap_or(name).to_owned();
        let null = Value::Null;
        let items = fields.get("items").unwrap_or(&null);
        let mut values: Vec<Value> = Vec::new();
        let mut tries = 0;
        while (values.len() as u64) < length && tries < length * 8 + 64 {
            tries += 1;
            let schema = first.get(values.len()).unwrap_or(items);
            let value = self.value(schema, &single, depth + 1);
            if !unique || !values.contains(&value) {
                values.push(value);
            }
        }
        Value::Array(values)
    }

    fn integer(&mut self, fields: &Map<String, Value>) -> Value {
        let (low, high) = bounds(fields, 1.0);
        let step = fields.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0).unwrap_or(1.0);
        #[allow(clippy::cast_possible_truncation, reason = "the value is whole")]
        let whole = self.between(low.ceil(), high.floor(), step).round() as i64;
        json!(whole)
    }

    fn number(&mut self, fields: &Map<String, Value>) -> Value {
        let (low, high) = bounds(fields, f64::EPSILON.max(1e-6));
        let step = fields.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
        let value = self.between(low, high, step.unwrap_or((high - low).abs().min(1000.0) / 1000.0));
        let rounded = (value * 1e6).round() / 1e6;
        json!(if rounded >= low && rounded <= high { rounded } else { value })
    }

    /// A multiple of `step` in the range, or its lower end when there is none.
    fn between(&mut self, low: f64, high: f64, step: f64) -> f64 {
        if high <= low || step <= 0.0 {
            return low;
        }
        let first = (low / step).ceil();
        let steps = ((high / step).floor() - first).clamp(0.0, 1000.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
        let chosen = self.dice.below(steps as u64 + 1);
        #[allow(clippy::cast_precision_loss, reason = "0 to 1000")]
        let value = (first + chosen as f64) * step;
        value.clamp(low, high)
    }

    fn string(&mut self, fields: &Map<String, Value>, name: &str) -> String {
        if let Some(format) = fields.get("format").and_then(Value::as_str)
            && let Some(text) = self.formatted(format)
        {
            return text;
        }
        let mut text = self
            .hints
            .get(self.used)
            .cloned()
            .unwrap_or_else(|| format!("sample {}", name.replace('_', " ")));
        self.used += 1;
        while (text.chars().count() as u64) < count(fields, "minLength", 0) {
            text.push_str(" more");
        }
        let longest = count(fields, "maxLength", u64::MAX);
        text.chars().take(usize::try_from(longest).unwrap_or(usize::MAX)).collect()
    }

    fn formatted(&mut self, format: &str) -> Option<String> {
        let dice = &mut self.dice;
        let date = format!("2026-{:02}-{:02}", 1 + dice.below(12), 1 + dice.below(28));
        let time = format!("{:02}:{:02}:{:02}Z", dice.below(24), dice.below(60), dice.below(60));
        Some(match format {
            "date" => date,
            "time" => time,
            "date-time" => format!("{date}T{time}"),
            "duration" => "PT15M".to_owned(),
            "email" | "idn-email" => format!("{}@example.com", dice.word(6, HEX)),
            "hostname" | "idn-hostname" => format!("{}.example.com", dice.word(6, HEX)),
            "uri" | "url" | "iri" => format!("https://example.com/{}", dice.word(6, ALPHANUMERIC)),
            "uri-reference" => format!("/{}", dice.word(6, ALPHANUMERIC)),
            "ipv4" => format!("192.0.2.{}", 1 + dice.below(254)),
            "ipv6" => format!("2001:db8::{}", dice.word(4, HEX)),
            "uuid" => format!(
                "{}-{}-4{}-8{}-{}",
                dice.word(8, HEX),
                dice.word(4, HEX),
                dice.word(3, HEX),
                dice.word(3, HEX),
                dice.word(12, HEX)
            ),
            _ => return None,
        })
    }
}

/// The type of a schema in lower case, as Gemini shouts it; the first that is not null of several; guessed
/// from its other keys when it has none.
fn kind(schema: &Value) -> Option<String> {
    let said = match schema.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").or(Some("null"))
        }
        _ => None,
    };
    if let Some(said) = said {
        return Some(said.to_ascii_lowercase());
    }
    let has = |key: &str| schema.get(key).is_some();
    if has("properties") || has("required") || has("additionalProperties") {
        return Some("object".to_owned());
    }
    if has("items") || has("prefixItems") {
        return Some("array".to_owned());
    }
    (has("minimum") || has("maximum")).then(|| "number".to_owned())
}

fn bounds(fields: &Map<String, Value>, gap: f64) -> (f64, f64) {
    let get = |key: &str| fields.get(key).and_then(Value::as_f64);
    let low = get("minimum").or_else(|| get("exclusiveMinimum").map(|low| low + gap));
    let high = get("maximum").or_else(|| get("exclusiveMaximum").map(|high| high - gap));
    match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low + 99.0),
        (None, Some(high)) => ((high - 99.0).max(0.0_f64.min(high)), high),
        (None, None) => (1.0, 100.0),
    }
}

fn count(fields: &Map<String, Value>, key: &str, default: u64) -> u64 {
    // Gemini writes these counts as strings.
    match fields.get(key) {
        Some(Value::String(text)) => text.parse().unwrap_or(default),
        Some(value) => value.as_u64().unwrap_or(default),
        None => default,
    }
}

fn strings(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn resolve<'v>(root: &'v Value, path: &str) -> Option<&'v Value> {
    root.pointer(path.strip_prefix('#')?)
}

fn without(schema: &Value, key: &str) -> Value {
    let mut rest = schema.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.remove(key);
    }
    rest
}

/// The schema with one of its options in place of all of them.
fn joined(schema: &Value, key: &str, option: Value) -> Value {
    let mut whole = without(schema, key);
    match (whole.as_object_mut(), option) {
        (Some(fields), Value::Object(option)) => {
            merge(fields, option);
            whole
        }
        (_, option) => option,
    }
}

fn merged(root: &Value, mut whole: Value, part: &Value) -> Value {
    let part = part.get("$ref").and_then(Value::as_str).and_then(|path| resolve(root, path)).unwrap_or(part);
    if let (Some(fields), Value::Object(part)) = (whole.as_object_mut(), part.clone()) {
        merge(fields, part);
    }
    whole
}

fn merge(fields: &mut Map<String, Value>, part: Map<String, Value>) {
    for (key, value) in part {
        match (fields.get_mut(&key), value) {
            (Some(Value::Object(mine)), Value::Object(other)) if key == "properties" => mine.extend(other),
            (Some(Value::Array(mine)), Value::Array(other)) if key == "required" => mine.extend(other),
            (_, value) => {
                fields.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
