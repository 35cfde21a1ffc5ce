//! A streamed answer.

use super::answer::Reader;
use super::lines::Lines;
use crate::canonical::Event;
use crate::codec::StreamDecoder;
use crate::error::ProviderError;

#[derive(Debug, Default)]
pub(super) struct Decoder {
    lines: Lines,
    reader: Reader,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Self { lines, reader } = self;
        if let Err(error) = lines.push(bytes, |line| reader.line(line, events)) {
            reader.fail(ProviderError::broken(&error.to_string()), events);
        }
    }

    fn end(&mut self, events: &mut Vec<Event>) {
        let Self { lines, reader } = self;
        lines.end(|line| reader.line(line, events));
        let failure = if reader.has_started {
            ProviderError::broken("the provider's answer was cut short")
        } else {
            ProviderError::broken("the provider sent no answer")
        };
        reader.fail(failure, events);
    }
}
