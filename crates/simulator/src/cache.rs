//! Prompt caches: which prefixes a provider has seen.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ask::{Ask, Caching, Keep};
use crate::seed::Hash;

/// How many prefixes are remembered over all models.
const REMEMBERED: usize = 16_384;
/// How long a prefix that nobody marked stays.
const AUTOMATIC: Duration = Duration::from_secs(5 * 60);

/// How the prompt of one request splits over the cache, in tokens; the rest is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CacheUse {
    pub(crate) read: u64,
    pub(crate) written_5m: u64,
    pub(crate) written_1h: u64,
}

#[derive(Debug, Default)]
pub(crate) struct PromptCache(Mutex<HashMap<u64, Instant>>);

/// The end of a part of the prompt: where a cached prefix may end.
#[derive(Debug, Clone, Copy)]
struct Boundary {
    prefix: u64,
    tokens: u64,
    mark: Option<Keep>,
}

impl PromptCache {
    /// Looks the prompt up and remembers it. `tools` and `turns` are the tokens of the parts of `ask`, in
    /// its order; prefixes shorter than `minimum` are not cached.
    pub(crate) fn pass(
        &self,
        provider: &str,
        ask: &Ask,
        tools: u64,
        turns: &[u64],
        minimum: u64,
    ) -> CacheUse {
        let boundaries = boundaries(provider, ask, tools, turns);
        match ask.caching {
            Caching::Never => CacheUse::default(),
            Caching::Automatic { step, writes } => self.automatic(&boundaries, step, minimum, writes),
            Caching::Marked => self.marked(&boundaries, minimum),
        }
    }

    pub(crate) fn clear(&self) {
        self.prefixes().clear();
    }

    fn automatic(&self, boundaries: &[Boundary], step: u64, minimum: u64, writes: bool) -> CacheUse {
        let total = boundaries.last().map_or(0, |last| last.tokens);
        let found = self.longest(boundaries).min(total.saturating_sub(1));
        for boundary in boundaries.iter().filter(|boundary| boundary.tokens >= minimum) {
            self.remember(boundary.prefix, AUTOMATIC);
        }
        let whole = |tokens: u64| tokens / step.max(1) * step.max(1);
        let read = if whole(found) >= minimum { whole(found) } else { 0 };
        let kept = if total >= minimum { whole(total) } else { 0 };
        let written = if writes { kept.saturating_sub(read) } else { 0 };
        CacheUse { read, written_5m: written, ..CacheUse::default() }
    }

    fn marked(&self, boundaries: &[Boundary], minimum: u64) -> CacheUse {
        let Some(last) = boundaries.iter().rposition(|boundary| boundary.mark.is_some()) else {
            return CacheUse::default();
        };
        let marked = &boundaries[..=last];
        let mut usage = CacheUse { read: self.longest(marked), ..CacheUse::default() };
        let mut covered = usage.read;
        for boundary in marked {
            let Some(keep) = boundary.mark else { continue };
            if boundary.tokens < minimum {
                continue;
            }
            let fresh = boundary.tokens.saturating_sub(covered);
            covered = covered.max(boundary.tokens);
            match keep {
                Keep::Minutes5 => usage.written_5m += fresh,
                Keep::Hour1 => usage.written_1h += fresh,
            }
            self.remember(boundary.prefix, keep.duration());
        }
        usage
    }

    fn longest(&self, boundaries: &[Boundary]) -> u64 {
        let now = Instant::now();
        let prefixes = self.prefixes();
        let known = |boundary: &&Boundary| prefixes.get(&boundary.prefix).is_some_and(|until| *until > now);
        boundaries.iter().rev().find(known).map_or(0, |boundary| boundary.tokens)
    }

    fn remember(&self, prefix: u64, keep: Duration) {
        let mut prefixes = self.prefixes();
        if prefixes.len() >= REMEMBERED {
            prefixes.clear();
        }
        prefixes.insert(prefix, Instant::now() + keep);
    }

    fn prefixes(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keep {
    const fn duration(self) -> Duration {
        match self {
            Self::Minutes5 => Duration::from_secs(5 * 60),
            Self::Hour1 => Duration::from_secs(60 * 60),
        }
    }
}

fn boundaries(provider: &str, ask: &Ask, tools: u64, turns: &[u64]) -> Vec<Boundary> {
    let start = Hash::new().field(provider.as_bytes()).field(ask.model.as_bytes());
    let mut prefix = ask.tools.iter().fold(start, |hash, tool| hash.field(tool.declaration.as_bytes()));
    let mut tokens = tools;
    let mut boundaries = Vec::with_capacity(turns.len() + 1);
    if tools > 0 {
        boundaries.push(Boundary { prefix: prefix.value(), tokens, mark: ask.tools_mark });
    }
    for (turn, count) in ask.turns.iter().zip(turns) {
        prefix = prefix
            .number(turn.role as u64)
            .field(turn.text.as_bytes())
            .field(turn.extra.as_bytes())
            .number(turn.media_tokens);
        tokens += count;
        boundaries.push(Boundary { prefix: prefix.value(), tokens, mark: turn.mark });
    }
    boundaries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Role, Turn};

    fn ask(texts: &[&str], caching: Caching) -> Ask {
        let mut ask = Ask::new("m");
        ask.caching = caching;
        for text in texts {
            let mut turn = Turn::new(Role::User);
            turn.say(text);
            ask.turns.push(turn);
        }
        ask
    }

    #[test]
    fn automatic_caches_read_whole_steps() {
        let cache = PromptCache::default();
        let first = ask(&["long", "one"], Caching::Automatic { step: 128, writes: false });
        assert_eq!(cache.pass("p", &first, 0, &[2000, 10], 1024), CacheUse::default());
        let second = ask(&["long", "two"], Caching::Automatic { step: 128, writes: false });
        assert_eq!(cache.pass("p", &second, 0, &[2000, 10], 1024).read, 1920);
        assert_eq!(cache.pass("q", &second, 0, &[2000, 10], 1024).read, 0);
    }

    #[test]
    fn marks_write_once_and_read_after() {
        let cache = PromptCache::default();
        let mut first = ask(&["long", "more", "one"], Caching::Marked);
        first.turns[0].mark = Some(Keep::Hour1);
        first.turns[1].mark = Some(Keep::Minutes5);
        let written = cache.pass("p", &first, 0, &[2000, 500, 10], 1024);
        assert_eq!(written, CacheUse { read: 0, written_1h: 2000, written_5m: 500 });
        let read = cache.pass("p", &first, 0, &[2000, 500, 10], 1024);
        assert_eq!(read, CacheUse { read: 2500, written_1h: 0, written_5m: 0 });
    }
}
