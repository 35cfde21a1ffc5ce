//! The files of a spool: appended to at the end, deleted from the front.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, frame, io};

/// Where an entry lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) segment: u64,
    pub(super) offset: u64,
    pub(super) length: u32,
}

impl Place {
    /// A name of this entry that no other entry of this spool has.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.segment, self.offset)
    }
}

struct Segment {
    file: Arc<File>,
    path: PathBuf,
    bytes: u64,
}

pub(super) struct Segments {
    directory: PathBuf,
    limit: u64,
    all: BTreeMap<u64, Segment>,
    active: u64,
    /// A part of an entry may lie at the end of the active segment; what follows it could not be read back.
    is_torn: bool,
}

impl Segments {
    /// Takes over the segments found on disk and begins a new one behind them.
    pub(super) fn new(directory: &Path, limit: u64, found: &[u64]) -> Result<Self, Error> {
        let mut segments =
            Self { directory: directory.to_owned(), limit, all: BTreeMap::new(), active: 0, is_torn: false };
        for number in found {
            let path = path(directory, *number);
            let file = File::open(&path).map_err(io(&path))?;
            let bytes = file.metadata().map_err(io(&path))?.len();
            segments.all.insert(*number, Segment { file: Arc::new(file), path, bytes });
        }
        segments.begin(found.iter().max().map_or(1, |last| last + 1))?;
        Ok(segments)
    }

    fn begin(&mut self, number: u64) -> Result<(), Error> {
        let path = path(&self.directory, number);
        let file = File::options().create_new(true).read(true).append(true).open(&path).map_err(io(&path))?;
        // Without this the file itself may be missing after a power cut, whatever was synced into it.
        File::open(&self.directory)
            .and_then(|directory| directory.sync_all())
            .map_err(io(&self.directory))?;
        self.all.insert(number, Segment { file: Arc::new(file), path, bytes: 0 });
        self.active = number;
        self.is_torn = false;
        Ok(())
    }

    pub(super) fn append(&mut self, entry: &[u8]) -> Result<Place, Error> {
        let framed = frame::write(entry).ok_or(Error::Failed)?;
        let is_full = |segment: &Segment| segment.bytes >= self.limit;
        if self.is_torn || self.all.get(&self.active).is_none_or(is_full) {
            self.begin(self.active + 1)?;
        }
        let number = self.active;
        let segment = self.all.get_mut(&number).ok_or(Error::Failed)?;
        let offset = segment.bytes;
        if let Err(source) = (&*segment.file).write_all(&framed) {
            self.is_torn = segment.file.set_len(offset).is_err();
            return Err(Error::Io { path: segment.path.clone(), source });
        }
        segment.bytes += framed.len() as u64;
        let length = u32::try_from(entry.len()).map_err(|_| Error::Failed)?;
        Ok(Place { segment: number, offset: offset + frame::HEADER as u64, length })
    }

    pub(super) fn read(&self, place: Place) -> Result<Vec<u8>, Error> {
        let segment = self.all.get(&place.segment).ok_or(Error::Failed)?;
        let mut bytes = vec![0; place.length as usize];
        segment.file.read_exact_at(&mut bytes, place.offset).map_err(io(&segment.path))?;
        Ok(bytes)
    }

    /// Deletes from the front for as long as a segment is not in use. Only from the front, so that no entry
    /// is ever on disk without the one that ended it.
    pub(super) fn drop_unused(&mut self, in_use: impl Fn(u64) -> bool) {
        while let Some((number, segment)) = self.all.first_key_value() {
            if *number == self.active || in_use(*number) {
                return;
            }
            if std::fs::remove_file(&segment.path).is_err() {
                tracing::warn!(path = %segment.path.display(), "a settled spool segment could not be deleted");
                return;
            }
            self.all.pop_first();
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.all.values().map(|segment| segment.bytes).sum()
    }

    /// The segment that would be deleted next, unless it is the active one.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.all.keys().next().copied().filter(|number| *number != self.active)
    }

    pub(super) const fn active_number(&self) -> u64 {
        self.active
    }

    pub(super) fn active(&self) -> Option<Arc<File>> {
        self.all.get(&self.active).map(|segment| Arc::clone(&segment.file))
    }
}

/// The numbers of the segments in a directory, in order.
pub(super) fn find(directory: &Path) -> Result<Vec<u64>, Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(io(directory))? {
        let name = entry.map_err(io(directory))?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".spool"))
            && let Ok(number) = number.parse()
        {
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:012}.spool"))
}
