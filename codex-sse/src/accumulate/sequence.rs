// Sequence numbers, where a server sends them, tell a repeated event from a new one: a resumed stream repeats what came before, and a
// gateway may send an event twice. Servers exist that send the same number with every event, so a number counts only once two different
// ones have been seen, and two events of different kinds under one number end the trust.

use alloc::vec::Vec;

/// The numbers seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    /// Disjoint, ascending, inclusive ranges, a gap between any two.
    seen: Vec<(u64, u64)>,
    last: Option<u64>,
    distrusted: bool,
}

impl Sequence {
    /// The highest number seen, after which a resumed stream has to start.
    pub(super) fn highest(&self) -> Option<u64> {
        self.seen.last().map(|(_, end)| *end)
    }

    /// Records a number. True when an event with it has come already.
    #[inline]
    pub(super) fn is_repeated(&mut self, number: u64, same_kind_as_last: bool) -> bool {
        if let Some((_, end)) = self.seen.last_mut()
            && end.checked_add(1) == Some(number)
        {
            *end = number;
            self.last = Some(number);
            return false;
        }
        self.record(number, same_kind_as_last)
    }

    #[cold]
    fn record(&mut self, number: u64, same_kind_as_last: bool) -> bool {
        if self.last == Some(number) && !same_kind_as_last {
            self.distrusted = true;
        }
        if self.distrusted {
            return false;
        }
        let position = self.seen.partition_point(|(_, end)| *end < number);
        if self
            .seen
            .get(position)
            .is_some_and(|(start, _)| *start <= number)
        {
            let distinct = self.seen.len() > 1 || self.seen.iter().any(|(start, end)| start < end);
            return distinct;
        }
        self.last = Some(number);
        self.seen.insert(position, (number, number));
        self.join(position);
        false
    }

    /// Joins the range at `position` with its neighbours, and the two lowest when there are too many.
    fn join(&mut self, position: usize) {
        for at in [position, position.saturating_sub(1)] {
            if let (Some(&(_, end)), Some(&(start, next))) =
                (self.seen.get(at), self.seen.get(at + 1))
                && end.checked_add(1) == Some(start)
            {
                self.seen[at].1 = next;
                self.seen.remove(at + 1);
            }
        }
        if self.seen.len() > MOST_RANGES {
            self.seen[1].0 = self.seen[0].0;
            self.seen.remove(0);
        }
    }
}

const MOST_RANGES: usize = 64;
