//! Limits are defined byte by byte, so that an error does not depend on chunking.

use super::{Decoder, Position};
use crate::line::Field;
use crate::{Error, ErrorKind, Limits};

impl Decoder {
    /// Returns the progress of the unfinished line, of which all bytes up to `self.offset` count.
    pub(super) fn progress(&self, ended: bool) -> Progress {
        Progress {
            start: self.line_start,
            length: (self.offset - self.line_start) as usize,
            ended,
            value: match self.position {
                Position::Inside(field) if field != Field::Skip => Some((field, self.value_start)),
                _ => None,
            },
            without_data: self.without_data,
        }
    }

    #[inline]
    pub(super) fn check(&self, line: &Progress) -> Result<(), Error> {
        if line.length + 2 + self.stored.max(self.skipped) <= self.least {
            return Ok(());
        }
        self.check_exactly(line)
    }

    /// Finds the first byte of a line, if any, that exceeds a limit.
    #[cold]
    pub(super) fn check_exactly(&self, line: &Progress) -> Result<(), Error> {
        let Limits {
            line: longest,
            frame,
            skipped,
        } = self.limits;
        let at = |index: usize| line.start + index as u64;
        let mut first: Option<Error> = None;
        let mut passed = |kind, index, limit| {
            let offset = at(index);
            if first
                .as_ref()
                .is_none_or(|error| Some(offset) < error.offset())
            {
                first = Some(Error::limit_passed(kind, offset, limit));
            }
        };
        if line.length > longest {
            passed(ErrorKind::LineTooLong, longest, longest);
        }
        if let Some((field, value_start)) = line.value {
            let full = (frame - self.stored).saturating_add(value_start);
            let joins = field == Field::Data && line.ended && self.data_lines > 0;
            if line.length + usize::from(joins) > full {
                passed(ErrorKind::FrameTooLong, full.min(line.length), frame);
            }
        }
        if let Some(known) = line.without_data {
            let room = skipped - self.skipped;
            if line.length + usize::from(line.ended) > room {
                passed(ErrorKind::TooMuchSkipped, known.max(room), skipped);
            }
        }
        first.map_or(Ok(()), Err)
    }
}

/// The progress of a line, for the limits.
pub(super) struct Progress {
    /// The offset of its first byte.
    pub(super) start: u64,
    pub(super) length: usize,
    pub(super) ended: bool,
    /// The field, unless it is skipped or unknown so far, and the start of its value.
    pub(super) value: Option<(Field, usize)>,
    /// The result of [`known_without_data`](crate::line::known_without_data).
    pub(super) without_data: Option<usize>,
}
