//! How long a recording is, as far as it tells, and how long it can be at most.

use crate::media;

/// Characters of base64 that are looked at, at either end.
const WINDOW: usize = 4 * 16 * 1024;
/// Bytes that a second of a recording takes at least where the recording does not tell its length: the lowest
/// rate of MP3 is 8 kbit/s, and other codecs in use stay above it but for silence.
const PER_SECOND: u64 = 1_000;
/// Samples a second that any recording may have.
const RATES: std::ops::RangeInclusive<u64> = 1..=768_000;
/// A second of Opus in an Ogg file.
const OPUS_RATE: u64 = 48_000;

/// A recording's length in seconds, begun ones whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    pub(super) bytes: u64,
    /// By the recording's own account.
    pub(super) told: Option<u64>,
    pub(super) most: u64,
}

/// The length of what `data` is the base64 of; `None` when it is no base64 or empty.
pub(super) fn of(data: &str) -> Option<Length> {
    let stripped = data.trim_end_matches('=');
    let is_sound = data.len() - stripped.len() <= 2 && stripped.len() % 4 != 1;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if stripped.is_empty() || !is_sound || !stripped.bytes().all(is_known) {
        return None;
    }
    let bytes = stripped.len() as u64 * 3 / 4;
    let head = media::bytes(stripped.get(..WINDOW).unwrap_or(stripped))?;
    let guess = bytes.div_ceil(PER_SECOND);
    let (told, most) = match wav(&head, bytes) {
        // Nothing but its samples makes it longer.
        Some(seconds) => (Some(seconds), seconds),
        None => {
            let told = flac(&head).or_else(|| ogg(&head, stripped));
            (told, told.unwrap_or_default().max(guess))
        }
    };
    Some(Length { bytes, told, most })
}

fn little(bytes: &[u8], at: usize, count: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(count)?)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn big(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Samples without compression: everything after the head of the data is taken for samples.
fn wav(head: &[u8], bytes: u64) -> Option<u64> {
    let is_wav = head.get(8..12)? == b"WAVE" && [&b"RIFF"[..], b"RF64"].contains(&head.get(..4)?);
    let mut at = if is_wav { 12 } else { return None };
    let mut per_second = None;
    loop {
        let size = usize::try_from(little(head, at + 4, 4)?).ok()?;
        match head.get(at..at + 4)? {
            // Of two formats others may take the first.
            b"fmt " if per_second.is_some() => return None,
            b"fmt " => per_second = Some(samples_per_second(head, at + 8)?),
            b"data" => return Some(bytes.saturating_sub(at as u64 + 8).div_ceil(per_second?)),
            _ => {}
        }
        at = at.checked_add(8)?.checked_add(size)?.checked_add(size % 2)?;
    }
}

/// Bytes of a second of plain samples.
fn samples_per_second(head: &[u8], at: usize) -> Option<u64> {
    const PLAIN: [u64; 2] = [1, 3];
    /// The format is named further on; it can be any, such as MP3.
    const NAMED_LATER: u64 = 0xFFFE;
    let (format, channels) = match little(head, at, 2)? {
        NAMED_LATER if little(head, at + 16, 2)? >= 22 => {
            (little(head, at + 24, 4)?, little(head, at + 2, 2)?)
        }
        format => (format, little(head, at + 2, 2)?),
    };
    let (rate, bits) = (little(head, at + 4, 4)?, little(head, at + 14, 2)?);
    let is_plain = PLAIN.contains(&format) && bits % 8 == 0 && bits <= 64 && RATES.contains(&rate);
    Some(rate * channels * (bits / 8)).filter(|bytes| is_plain && *bytes > 0)
}

fn flac(head: &[u8]) -> Option<u64> {
    let info = head.strip_prefix(b"fLaC")?.get(4..38)?;
    let rate = big(info.get(10..13)?) >> 4;
    let samples = big(info.get(13..18)?) & 0xF_FFFF_FFFF;
    (rate > 0 && samples > 0).then(|| samples.div_ceil(rate))
}

/// The position that the last page names, in samples of the codec that the first page names.
fn ogg(head: &[u8], base64: &str) -> Option<u64> {
    let first = head.strip_prefix(b"OggS")?;
    let first = &first[..first.len().min(256)];
    let find = |bytes: &[u8], wanted: &[u8]| memchr::memmem::rfind(bytes, wanted);
    let rate = match find(first, b"\x01vorbis") {
        Some(at) => little(first, at + 12, 4)?,
        None => find(first, b"OpusHead").map(|_| OPUS_RATE)?,
    };
    let from = base64.len().saturating_sub(WINDOW) / 4 * 4;
    let tail = media::bytes(base64.get(from..)?)?;
    let last = find(&tail, b"OggS")?;
    let position = little(&tail, last + 6, 8).filter(|position| *position < 1 << 62)?;
    (rate > 0).then(|| position.div_ceil(rate))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn measured(bytes: &[u8]) -> (Option<u64>, u64) {
        let length = of(&BASE64_STANDARD.encode(bytes)).unwrap();
        assert_eq!(length.bytes, bytes.len() as u64);
        (length.told, length.most)
    }

    fn wave(format: u16, rate: u32, bits: u16, samples: usize) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        bytes.extend(format.to_le_bytes());
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        // The rate of bytes is not believed.
        bytes.extend([0xFF; 6]);
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data\xFF\xFF\xFF\xFF");
        bytes.extend(vec![0; samples]);
        bytes
    }

    /// Two channels of 16 bits at 8,000 Hz, in a format that is named at the end of the head.
    fn extensible(format: u32, samples: usize) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x28\0\0\0\xFE\xFF\x02\0\x40\x1F\0\0".to_vec();
        bytes.extend([0xFF; 6]);
        bytes.extend(b"\x10\0\x16\0\x10\0\x03\0\0\0");
        bytes.extend(format.to_le_bytes());
        bytes.extend(b"\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71data\xFF\xFF\xFF\xFF");
        bytes.extend(vec![0; samples]);
        bytes
    }

    #[test]
    fn a_head_that_can_be_read_in_two_ways_is_not_believed() {
        let unknown = |bytes: &[u8]| (None, (bytes.len() as u64).div_ceil(1_000));
        let mp3 = extensible(0x55, 64_000);
        assert_eq!(measured(&mp3), unknown(&mp3));
        let cut = wave(0xFFFE, 8_000, 16, 5_000);
        assert_eq!(measured(&cut), unknown(&cut));
        // The rate of a telephone first, and then the densest samples there are.
        let dense = wave(1, 768_000, 64, 64_000);
        let mut both = b"RIFF\0\0\0\0WAVE".to_vec();
        both.extend(&wave(1, 8_000, 8, 0)[24..48]);
        both.extend(&dense[12..]);
        assert_eq!(measured(&both), unknown(&both));
    }

    #[test]
    fn plain_samples_are_measured_by_their_bytes() {
        assert_eq!(measured(&wave(1, 8_000, 16, 64_000)), (Some(2), 2));
        assert_eq!(measured(&wave(3, 8_000, 32, 64_001)), (Some(2), 2));
        assert_eq!(measured(&extensible(1, 64_000)), (Some(2), 2));
        assert_eq!(measured(&wave(1, 8_000, 16, 0)), (Some(0), 0));
    }

    #[test]
    fn what_does_not_tell_is_as_long_as_its_bytes_can_be() {
        for (format, rate, bits) in [(0x55, 8_000, 16), (1, 0, 16), (1, u32::MAX, 16), (1, 8_000, 4)] {
            let bytes = wave(format, rate, bits, 5_000);
            assert_eq!(measured(&bytes), (None, (bytes.len() as u64).div_ceil(1_000)));
        }
        assert_eq!(measured(&[0xFF; 12_001]), (None, 13));
        assert_eq!(measured(b"RIFF"), (None, 1));
    }

    #[test]
    fn other_files_tell_but_are_not_believed_to_be_shorter_than_their_bytes() {
        let mut flac = b"fLaC\0\0\0\x22".to_vec();
        // 44,100 Hz, two channels of 16 bits, 441,001 samples.
        flac.extend([0; 10]);
        flac.extend([0x0A, 0xC4, 0x42, 0xF0, 0x00, 0x06, 0xBA, 0xA9]);
        flac.extend([0; 16]);
        assert_eq!(measured(&flac), (Some(11), 11));
        flac.extend([0; 60_000]);
        assert_eq!(measured(&flac), (Some(11), 61));
        let page = |position: u64, content: &[u8]| {
            let head = [&b"OggS\0\0"[..], &position.to_le_bytes(), &[0; 14], content];
            head.concat()
        };
        let opus = [page(0, b"OpusHead"), vec![0; 90_000], page(48_001, b"")].concat();
        assert_eq!(measured(&opus), (Some(2), 91));
        let mut vorbis = b"\x01vorbis\0\0\0\0\x02".to_vec();
        vorbis.extend(8_000_u32.to_le_bytes());
        assert_eq!(measured(&[page(0, &vorbis), page(80_000, b"")].concat()), (Some(10), 10));
        let endless = [page(0, b"OpusHead"), page(u64::MAX, b"")].concat();
        assert_eq!(measured(&endless), (None, 1));
    }

    #[test]
    fn only_base64_is_a_recording() {
        for wrong in ["", "====", "A", "AAAA\n", "AA-_", "data:audio/wav;base64,AAAA", "AAA=A"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        for sound in ["AA", "AA==", "AAA=", "AAAA", "AB"] {
            assert!(of(sound).is_some(), "{sound}");
        }
    }
}
