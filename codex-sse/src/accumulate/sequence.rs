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

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use codex_types::DeltaKind;

    use super::{Kind, MOST_RUNS, Sequence};

    const TEXT: Kind = Kind::Delta(DeltaKind::OutputText);
    const ARGUMENTS: Kind = Kind::Delta(DeltaKind::FunctionCallArguments);

    #[test]
    fn a_number_proves_a_repetition_only_for_its_kind_and_after_a_resumption() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.highest(), None);
        for (number, kind) in [(1, TEXT), (2, TEXT), (3, ARGUMENTS), (7, TEXT), (8, TEXT)] {
            assert!(!sequence.is_repeated(number, kind));
        }
        assert_eq!(sequence.highest(), Some(8));
        assert!(!sequence.is_repeated(2, TEXT));
        sequence.resume();
        let repeated: Vec<u64> = (0..10)
            .filter(|number| sequence.clone().is_repeated(*number, TEXT))
            .collect();
        assert_eq!(repeated, [1, 2, 7, 8]);
        let repeated: Vec<u64> = (0..10)
            .filter(|number| sequence.clone().is_repeated(*number, ARGUMENTS))
            .collect();
        assert_eq!(repeated, [3]);
        assert!(!sequence.is_repeated(9, TEXT));
        assert_eq!(sequence.highest(), Some(9));
    }

    #[test]
    fn only_the_last_runs_are_kept() {
        let mut sequence = Sequence::default();
        let most = 2 * MOST_RUNS as u64;
        for number in 0..=most {
            let kind = if number % 2 == 0 { TEXT } else { ARGUMENTS };
            assert!(!sequence.is_repeated(number, kind));
            assert!(sequence.runs.len() <= MOST_RUNS);
        }
        sequence.resume();
        assert!(!sequence.is_repeated(0, TEXT));
        assert!(sequence.is_repeated(most, TEXT));
        assert!(sequence.is_repeated(most - MOST_RUNS as u64 / 2, TEXT));
    }
}
