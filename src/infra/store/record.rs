//! One record of the log: a head with a number and checksums, and the changes of a commit.

use super::backend::{StoreError, WriteSet};

const SECTOR: usize = 512;
pub(super) const HEAD: usize = 32;
/// Stands for the length of a value where a key goes.
const GONE: u32 = u32::MAX;

/// Begins a record.
pub(super) struct Head {
    /// Whose commits they are: a log of another database is never read into this one.
    pub owner: u64,
    /// Of the commit. Numbers begin at 1 and have no gaps.
    pub number: u64,
    /// Bytes behind the head.
    length: usize,
    checksum: u32,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..8].copy_from_slice(&self.owner.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.length as u64).to_le_bytes());
        bytes[24..28].copy_from_slice(&self.checksum.to_le_bytes());
        let own = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// `None` where these bytes are no head, or not a whole one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let number_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let half_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let head = Self {
            owner: number_at(0)?,
            number: number_at(8)?,
            length: usize::try_from(number_at(16)?).ok()?,
            checksum: half_at(24)?,
        };
        // Numbers begin at 1, so that zeros are no head.
        (head.number > 0 && half_at(28)? == crc32fast::hash(&bytes[..28])).then_some(head)
    }

    /// The head that stands at `at` in a log, where there is a whole one.
    pub(super) fn at(log: &[u8], at: usize) -> Option<Self> {
        let head = Self::read(log.get(at..at + HEAD)?)?;
        (at + HEAD + head.length <= log.len()).then_some(head)
    }

    /// All that stand where a record could begin.
    pub(super) fn all(log: &[u8]) -> impl Iterator<Item = Self> {
        (0..log.len()).step_by(SECTOR).filter_map(|at| Self::at(log, at))
    }

    /// Room that its record takes.
    pub(super) fn extent(&self) -> usize {
        (HEAD + self.length).next_multiple_of(SECTOR)
    }

    /// The changes behind this head; `None` where they did not all reach the medium.
    pub(super) fn changes(&self, log: &[u8], at: usize) -> Result<Option<WriteSet>, StoreError> {
        let mut payload = &log[at + HEAD..at + HEAD + self.length];
        if crc32fast::hash(payload) != self.checksum {
            return Ok(None);
        }
        let mut changes = WriteSet::new();
        while !payload.is_empty() {
            let (key, value) = change_of(&mut payload)
                .ok_or_else(|| StoreError::Broken("the log holds what this program does not know".into()))?;
            changes.insert(key, value);
        }
        Ok(Some(changes))
    }
}

/// Writes the record of a commit into `record`, up to the end of its last sector.
pub(super) fn write(record: &mut Vec<u8>, owner: u64, number: u64, changes: &WriteSet) {
    record.clear();
    record.resize(HEAD, 0);
    for (key, value) in changes {
        let length = value.as_ref().map_or(GONE, |it| it.len() as u32);
        record.extend_from_slice(&(key.len() as u32).to_le_bytes());
        record.extend_from_slice(&length.to_le_bytes());
        record.extend_from_slice(key);
        record.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    let (length, checksum) = (record.len() - HEAD, crc32fast::hash(&record[HEAD..]));
    let head = Head { owner, number, length, checksum };
    record[..HEAD].copy_from_slice(&head.bytes());
    record.resize(head.extent(), 0);
}

fn change_of(payload: &mut &[u8]) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let key_length = u32::from_le_bytes(payload.split_off(..4)?.try_into().ok()?);
    let length = u32::from_le_bytes(payload.split_off(..4)?.try_into().ok()?);
    let key = payload.split_off(..key_length as usize)?.to_vec();
    match length {
        GONE => Some((key, None)),
        length => Some((key, Some(payload.split_off(..length as usize)?.to_vec()))),
    }
}
