//! Pictures: small, but real ones.

use crate::seed::Dice;

/// The usual side in pixels.
pub(crate) const SIDE: u32 = 32;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Bytes of a deflate block that is stored as it is, at most.
const STORED: usize = 65_535;

/// A PNG in true colour whose stripes depend on the seed.
pub(crate) fn png(seed: u64, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    let mut head = Vec::from(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    // Eight bits each of red, green and blue; no interlacing.
    head.extend([8, 2, 0, 0, 0]);
    chunk(&mut bytes, *b"IHDR", &head);
    chunk(&mut bytes, *b"IDAT", &zlib(&pixels(seed, width, height)));
    chunk(&mut bytes, *b"IEND", &[]);
    bytes
}

/// The lines, each begun by its filter, which is none.
fn pixels(seed: u64, width: u32, height: u32) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let line = |_| {
        let [red, green, blue, ..] = dice.roll().to_le_bytes();
        std::iter::once(0).chain((0..width).flat_map(move |_| [red, green, blue]))
    };
    (0..height).flat_map(line).collect()
}

fn chunk(bytes: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    let start = bytes.len();
    bytes.extend(kind);
    bytes.extend(data);
    let sum = crc32fast::hash(&bytes[start..]);
    bytes.extend(sum.to_be_bytes());
}

/// A zlib stream of stored blocks.
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let mut blocks = data.chunks(STORED).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend(length.to_le_bytes());
        bytes.extend((!length).to_le_bytes());
        bytes.extend(block);
    }
    bytes.extend(adler(data).to_be_bytes());
    bytes
}

fn adler(data: &[u8]) -> u32 {
    let (low, high) = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
        let picture = png(1, 2, 2);
        assert!(picture.ends_with(b"IEND\xae\x42\x60\x82"));
        assert_eq!(png(1, 2, 2), picture);
        assert_ne!(png(2, 2, 2), picture);
    }
}
