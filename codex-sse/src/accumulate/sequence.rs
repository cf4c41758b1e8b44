//! Sequence numbers are a hint. Some servers send the same number with every event, restart the
//! count in the middle of a stream, or number some kinds only. So a number proves a repetition only
//! on a stream that was resumed, and only if an event of the same kind had it before.

use alloc::vec::Vec;
use core::mem::Discriminant;

use codex_types::{DeltaKind, ResponseEvent};

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Delta(DeltaKind),
    Other(Discriminant<ResponseEvent>),
}

/// The sequence numbers seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    /// Ascending runs of numbers without gaps, each of one kind. If there are very many, only the
    /// last ones are kept.
    runs: Vec<(u64, u64, Kind)>,
    is_resumed: bool,
}

impl Sequence {
    /// Returns the highest number seen, after which a resumed stream must start.
    pub(super) fn highest(&self) -> Option<u64> {
        self.runs.last().map(|(_, end, _)| *end)
    }

    /// Records that the events that follow may repeat earlier ones.
    pub(super) fn resume(&mut self) {
        self.is_resumed = true;
    }

    /// Records a number. Returns true if an event of this kind had it before the stream was
    /// resumed.
    #[inline]
    pub(super) fn is_repeated(&mut self, number: u64, kind: Kind) -> bool {
        if let Some((_, end, last)) = self.runs.last_mut()
            && end.checked_add(1) == Some(number)
            && *last == kind
        {
            *end = number;
            return false;
        }
        self.record(number, kind)
    }

    fn record(&mut self, number: u64, kind: Kind) -> bool {
        if self.runs.last().is_none_or(|(_, end, _)| *end < number) {
            if self.runs.len() == MOST_RUNS {
                self.runs.drain(..MOST_RUNS / 2);
            }
            self.runs.push((number, number, kind));
            return false;
        }
        let position = self.runs.partition_point(|(_, end, _)| *end < number);
        let known = self.runs.get(position);
        self.is_resumed && known.is_some_and(|(start, _, known)| *start <= number && *known == kind)
    }
}

/// The maximum number of runs: more than a response has whose kinds of events alternate for an
/// hour.
const MOST_RUNS: usize = 1 << 16;
