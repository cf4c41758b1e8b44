//! A small deterministic random number generator: splitmix64 from a seed, or the bytes of a fuzz
//! input.

#[derive(Clone, Debug)]
pub(crate) struct Rng<'a> {
    source: Source<'a>,
}

#[derive(Clone, Debug)]
enum Source<'a> {
    State(u64),
    Bytes(&'a [u8]),
}

impl Rng<'_> {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self {
            source: Source::State(seed),
        }
    }

    /// Returns a number below `end`, which must not be 0. Returns 0 when the bytes are used up.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        match &mut self.source {
            Source::State(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut mixed = *state;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                let number = (mixed ^ (mixed >> 31)) % end as u64;
                usize::try_from(number).unwrap_or(0)
            }
            Source::Bytes(_) if end == 1 => 0,
            Source::Bytes(bytes) => match bytes.split_first() {
                Some((first, rest)) => {
                    *bytes = rest;
                    usize::from(*first) % end
                }
                None => 0,
            },
        }
    }

    /// Returns true with a probability of 1 in `n`, and false when the bytes are used up.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (2..=list.len()).rev() {
            let chosen = self.below(end);
            list.swap(chosen, end - 1);
        }
    }
}

impl<'a> Rng<'a> {
    pub(crate) fn from_bytes(bytes: &'a [u8]) -> Self {
        Self {
            source: Source::Bytes(bytes),
        }
    }
}
