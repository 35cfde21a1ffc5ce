//! The scripts that admin calls have set, and how often they still apply.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::script::Script;
use crate::seed::Dice;

/// Any provider, or any model.
pub(crate) const ANY: &str = "*";
/// How many conversations are remembered whose directives have `times`.
const REMEMBERED: usize = 16_384;

/// A script with what is left of its `times`.
#[derive(Debug, Clone)]
struct Armed {
    script: Script,
    left: Option<u32>,
    applied: u64,
}

/// Scripts by provider and model.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    scripts: Mutex<HashMap<(String, String), Vec<Armed>>>,
    any: AtomicBool,
    /// How often a directive applied, by conversation.
    directives: Mutex<HashMap<u64, u32>>,
}

impl Faults {
    /// Replaces the scripts of a provider and model; of several the first that applies is taken.
    pub(crate) fn set(&self, provider: &str, model: &str, scripts: Vec<Script>) {
        let armed =
            scripts.into_iter().map(|script| Armed { left: script.times, script, applied: 0 }).collect();
        let mut table = self.scripts();
        table.insert((provider.to_owned(), model.to_owned()), armed);
        self.any.store(true, Ordering::Release);
    }

    /// Forgets scripts; `None` stands for every provider or model.
    pub(crate) fn clear(&self, provider: Option<&str>, model: Option<&str>) {
        let mut table = self.scripts();
        table.retain(|(of, at), _| {
            provider.is_some_and(|wanted| wanted != of) || model.is_some_and(|wanted| wanted != at)
        });
        self.any.store(!table.is_empty(), Ordering::Release);
        self.directives.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The script that applies to this request, which uses it up once. The more precise key comes first.
    pub(crate) fn take(&self, provider: &str, model: &str, dice: &mut Dice) -> Option<Script> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let mut table = self.scripts();
        for (of, at) in [(provider, model), (provider, ANY), (ANY, model), (ANY, ANY)] {
            let Some(scripts) = table.get_mut(&(of.to_owned(), at.to_owned())) else { continue };
            for armed in scripts {
                let likely = armed.script.probability.is_none_or(|share| dice.happens(share));
                if armed.left == Some(0) || !likely {
                    continue;
                }
                armed.left = armed.left.map(|left| left - 1);
                armed.applied += 1;
                return Some(armed.script.clone());
            }
        }
        None
    }

    /// Whether a directive applies to this request, which uses it up once.
    pub(crate) fn directive_applies(
        &self,
        script: &Script,
        provider: &str,
        model: &str,
        conversation: u64,
        dice: &mut Dice,
    ) -> bool {
        let elsewhere = script.provider.as_deref().is_some_and(|wanted| wanted != provider)
            || script.model.as_deref().is_some_and(|wanted| wanted != model);
        if elsewhere || script.probability.is_some_and(|share| !dice.happens(share)) {
            return false;
        }
        let Some(times) = script.times else { return true };
        let mut directives = self.directives.lock().unwrap_or_else(PoisonError::into_inner);
        if directives.len() >= REMEMBERED {
            directives.clear();
        }
        let applied = directives.entry(conversation).or_insert(0);
        *applied += 1;
        *applied <= times
    }

    /// Every script with its state.
    pub(crate) fn describe(&self) -> Value {
        let table = self.scripts();
        let mut list: Vec<Value> = Vec::new();
        for ((provider, model), scripts) in table.iter() {
            for armed in scripts {
                list.push(
                    json!({"provider": provider, "model": model, "script": armed.script, "left": armed.left,
                    "applied": armed.applied}),
                );
            }
        }
        json!(list)
    }

    fn scripts(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Vec<Armed>>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, times: Option<u32>) -> Script {
        Script { status: Some(status), times, ..Script::default() }
    }

    #[test]
    fn the_precise_script_wins_until_it_is_used_up() {
        let faults = Faults::default();
        faults.set(ANY, ANY, vec![status(500, None)]);
        faults.set("a", "m", vec![status(429, Some(1)), status(503, Some(1))]);
        let take = |provider| faults.take(provider, "m", &mut Dice::new(1)).and_then(|script| script.status);
        assert_eq!([take("a"), take("a"), take("a")], [Some(429), Some(503), Some(500)]);
        assert_eq!(take("b"), Some(500));
        faults.clear(Some(ANY), None);
        assert_eq!(faults.take("b", "m", &mut Dice::new(1)), None);
    }

    #[test]
    fn directives_count_by_conversation() {
        let faults = Faults::default();
        let once = Script { provider: Some("a".to_owned()), ..status(500, Some(1)) };
        let applies =
            |provider, talk| faults.directive_applies(&once, provider, "m", talk, &mut Dice::new(1));
        assert!(!applies("b", 1));
        assert!(applies("a", 1) && !applies("a", 1) && applies("a", 2));
    }
}
