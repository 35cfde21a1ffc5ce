//! Sound: a tone whose length and pitch depend on the text.

use crate::ask::Sound;

/// Samples a second, one channel of 16 bits.
pub(crate) const RATE: u32 = 24_000;
/// Milliseconds that a character takes.
const CHARACTER_MS: u64 = 10;
const SAMPLES_PER_CHARACTER: usize = 240;
const AMPLITUDE: i32 = 8000;
/// A frame of MPEG-2 layer III at 24 kHz and 32 kbit/s: 24 ms in 96 bytes.
const MP3_FRAME_MS: u64 = 24;
const MP3_FRAME_BYTES: usize = 96;
const MP3_HEADER: [u8; 4] = [0xff, 0xf3, 0x44, 0xc0];

impl Sound {
    /// The format of a name; nothing for names that are none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "pcm" | "pcm16" => Self::Pcm,
            "wav" => Self::Wav,
            "mp3" => Self::Mp3,
            "aac" => Self::Aac,
            "flac" => Self::Flac,
            "opus" => Self::Opus,
            _ => return None,
        })
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Pcm => "audio/pcm",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Opus => "audio/opus",
        }
    }

    /// A text, spoken. Of the last three formats only the beginning is real.
    pub(crate) fn speak(self, text: &str) -> Vec<u8> {
        match self {
            Self::Pcm => samples(text),
            Self::Wav => wav(&samples(text)),
            Self::Mp3 => mp3(text),
            Self::Aac => hull(&[0xff, 0xf1, 0x58, 0x40], text),
            Self::Flac => hull(b"fLaC\x80\x00\x00\x22", text),
            Self::Opus => hull(b"OggS\x00\x02", text),
        }
    }
}

/// How long a text lasts.
pub(crate) fn duration_ms(text: &str) -> u64 {
    text.chars().count() as u64 * CHARACTER_MS
}

/// Little-endian samples of a triangle wave, its pitch by the character.
pub(crate) fn samples(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() * SAMPLES_PER_CHARACTER * 2);
    for character in text.chars() {
        let period = 60 + i32::try_from(u32::from(character) % 60).unwrap_or(0);
        for at in 0..SAMPLES_PER_CHARACTER {
            let phase = i32::try_from(at).unwrap_or(0) % period;
            let height = (2 * phase - period).abs() * 2 * AMPLITUDE / period - AMPLITUDE;
            bytes.extend(i16::try_from(height).unwrap_or(0).to_le_bytes());
        }
    }
    bytes
}

fn wav(samples: &[u8]) -> Vec<u8> {
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((length.saturating_add(36)).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    // PCM, one channel.
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((RATE * 2).to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples);
    bytes
}

/// Frames without content, which decoders play as silence.
fn mp3(text: &str) -> Vec<u8> {
    let frames = duration_ms(text).div_ceil(MP3_FRAME_MS).max(1);
    let mut bytes = Vec::new();
    for _ in 0..frames {
        bytes.extend(MP3_HEADER);
        bytes.resize(bytes.len() + MP3_FRAME_BYTES - MP3_HEADER.len(), 0);
    }
    bytes
}

fn hull(head: &[u8], text: &str) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.resize(head.len() + 64 + text.chars().count() * 40, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_lasts_as_long_as_its_text() {
        assert_eq!(samples("ab").len(), 2 * SAMPLES_PER_CHARACTER * 2);
        let wav = Sound::Wav.speak("abc");
        assert_eq!(wav.len(), 44 + 3 * SAMPLES_PER_CHARACTER * 2);
        assert!(wav.starts_with(b"RIFF"));
        let mp3 = Sound::Mp3.speak(&"a".repeat(240));
        assert_eq!(mp3.len(), 100 * MP3_FRAME_BYTES);
        assert!(mp3.chunks(MP3_FRAME_BYTES).all(|frame| frame.starts_with(&MP3_HEADER)));
    }
}
