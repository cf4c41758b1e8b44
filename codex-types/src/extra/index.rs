//! The positions of many entries, by their keys.

use alloc::vec;
use alloc::vec::Vec;

use crate::wire::key::Key;
use crate::{HeapSize, RawJson};

/// A key and its value.
pub(crate) type Entry = (Key, RawJson);

/// An index of entries with different keys.
///
/// The positions are in runs, each sorted by key and more than twice as long as the next. A
/// `BTreeMap` would be simpler, but the compiler cannot prove that dropping one does not panic, and
/// would add the code that cleans up after a panic to the drop of every object.
#[derive(Clone, Default)]
pub(super) struct Index {
    runs: Vec<Vec<usize>>,
}

/// The place of a position in the index: its run, and the offset there.
type Place = (usize, usize);

impl Index {
    /// Creates the index of all entries, and removes all but the last of those with the same key.
    pub(super) fn new(entries: &mut Vec<Entry>) -> Self {
        let mut repeated = vec![false; entries.len()];
        for pair in sorted(entries).windows(2) {
            // The sort is stable, so the last of equal keys is last here too.
            repeated[pair[0]] = entries[pair[0]].0 == entries[pair[1]].0;
        }
        let mut repeated = repeated.into_iter();
        entries.retain(|_| repeated.next() == Some(false));
        Self {
            runs: vec![sorted(entries)],
        }
    }

    /// Returns the position of the entry with this key.
    pub(super) fn find(&self, key: &Key, entries: &[Entry]) -> Option<usize> {
        let (run, offset) = self.place(key, entries)?;
        Some(self.runs[run][offset])
    }

    /// Adds the last entry. On average, this takes time that grows with the logarithm of the number
    /// of entries.
    pub(super) fn add_last(&mut self, entries: &[Entry]) {
        let Some(last) = entries.len().checked_sub(1) else {
            return;
        };
        let mut run = vec![last];
        while let Some(longer) = self.runs.pop_if(|longer| longer.len() <= 2 * run.len()) {
            run.splice(..0, longer);
            // Merges two sorted runs, which takes linear time.
            run.sort_by(|a, b| entries[*a].0.cmp(&entries[*b].0));
        }
        self.runs.push(run);
    }

    /// Removes the entry with this key; the last entry takes its position. The time grows with the
    /// number of entries, since the positions that follow in the run are moved.
    pub(super) fn swap_remove(&mut self, key: &Key, entries: &mut Vec<Entry>) {
        let Some((run, offset)) = self.place(key, entries) else {
            return;
        };
        let last = entries.last().and_then(|(key, _)| self.place(key, entries));
        let at = self.runs[run][offset];
        if let Some((run, offset)) = last {
            self.runs[run][offset] = at;
        }
        self.runs[run].remove(offset);
        self.runs.retain(|run| !run.is_empty());
        entries.swap_remove(at);
    }

    fn place(&self, key: &Key, entries: &[Entry]) -> Option<Place> {
        self.runs.iter().zip(0..).find_map(|(run, index)| {
            let found = run.binary_search_by(|at| entries[*at].0.cmp(key));
            found.ok().map(|offset| (index, offset))
        })
    }
}

/// Returns the positions of the entries, sorted by key.
fn sorted(entries: &[Entry]) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..entries.len()).collect();
    positions.sort_by(|a, b| entries[*a].0.cmp(&entries[*b].0));
    positions
}

impl HeapSize for Index {
    fn heap_size(&self) -> usize {
        let positions: usize = self.runs.iter().map(Vec::capacity).sum();
        self.runs.capacity() * size_of::<Vec<usize>>() + positions * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;

    use super::*;

    #[test]
    fn finds_what_a_map_finds() {
        let key = |number: u32| Key::from(&*format!("{}", number % 300));
        let mut entries: Vec<Entry> = (0..500).map(|at| (key(at), RawJson::default())).collect();
        let mut index = Index::new(&mut entries);
        assert_eq!(entries.len(), 300);
        assert!(entries[0].0 == key(200) && entries[299].0 == key(499));
        let mut random = 7_u32;
        for _ in 0..if cfg!(miri) { 30 } else { 5000 } {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = key(random >> 16);
            if index.find(&key, &entries).is_some() {
                index.swap_remove(&key, &mut entries);
            } else {
                entries.push((key, RawJson::default()));
                index.add_last(&entries);
            }
            let map: BTreeMap<&Key, usize> = entries.iter().map(|(key, _)| key).zip(0..).collect();
            assert_eq!(map.len(), entries.len());
            for (key, at) in map {
                assert_eq!(index.find(key, &entries), Some(at));
            }
            assert_eq!(index.find(&Key::from("none"), &entries), None);
            assert!(index.runs.windows(2).all(|pair| !pair[1].is_empty()));
            assert!(index.runs.len() < 20);
        }
    }
}
