//! How an entry lies in a segment: length, checksum, bytes.

/// Bytes before each entry: its length and its CRC-32C, little-endian.
pub(super) const HEADER: usize = 8;

/// An entry longer than this is a torn or foreign file.
const LONGEST: usize = 64 * 1024 * 1024;

pub(super) fn write(entry: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(entry.len()).ok()?;
    let mut framed = Vec::with_capacity(HEADER + entry.len());
    framed.extend_from_slice(&length.to_le_bytes());
    framed.extend_from_slice(&crc32c::crc32c(entry).to_le_bytes());
    framed.extend_from_slice(entry);
    Some(framed)
}

/// The first entry of `bytes` and the rest; `None` at the end or where the tail is torn.
pub(super) fn read(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > LONGEST {
        return None;
    }
    let (entry, rest) = rest.split_at_checked(length)?;
    (crc32c::crc32c(entry) == u32::from_le_bytes(*checksum)).then_some((entry, rest))
}
