//! What operators turn on and off, for everybody or for one organisation, while the service runs.

macro_rules! flags {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $default:literal;)*) => {
        /// One thing that can be turned off.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Flag {
            $($(#[doc = $doc])* $name),*
        }

        impl Flag {
            pub(crate) const ALL: [Self; 0 $(+ { let _ = $default; 1 })*] = [$(Self::$name),*];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            /// What it is while nobody says otherwise.
            pub(crate) const fn is_on_by_default(self) -> bool {
                match self {
                    $(Self::$name => $default),*
                }
            }

            /// What it is for, as its documentation says.
            pub(crate) fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim()),*
                }
            }
        }
    };
}

flags! {
    /// The organisation's own credentials for providers serve its requests. Off: they are kept and not used.
    OwnKeys = "own_keys", true;
    /// Answers are cached for requests that ask for it. Off: every request is answered by a model.
    ResponseCache = "response_cache", true;
    /// What is sent to models and answered is kept, or handed on to destinations, where an organisation wants it. Off: neither.
    ContentLogging = "content_logging", true;
}

impl Flag {
    pub(crate) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == text)
    }
}

/// Which flags are on for an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Flags([bool; Flag::ALL.len()]);

impl Default for Flags {
    fn default() -> Self {
        Self(Flag::ALL.map(Flag::is_on_by_default))
    }
}

impl Flags {
    pub(crate) const fn has(&self, flag: Flag) -> bool {
        self.0[flag as usize]
    }

    pub(crate) const fn turn(&mut self, flag: Flag, is_on: bool) {
        self.0[flag as usize] = is_on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_has_a_name_of_its_own_and_says_what_it_is_for() {
        for flag in Flag::ALL {
            assert_eq!(Flag::named(flag.as_str()), Some(flag));
            assert!(flag.description().ends_with('.'), "{flag:?}");
            let mut flags = Flags::default();
            flags.turn(flag, !flag.is_on_by_default());
            let changed = Flag::ALL.into_iter().filter(|one| flags.has(*one) != one.is_on_by_default());
            assert_eq!(changed.collect::<Vec<_>>(), [flag]);
        }
    }
}
