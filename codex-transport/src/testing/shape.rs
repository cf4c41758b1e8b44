use bytes::Bytes;

/// A rule that splits bytes into the chunks that are written to the network one by one.
///
/// Over HTTP/1.1, each is one chunk of the chunked coding; over HTTP/2, one DATA frame, unless flow
/// control splits it further.
///
/// ```
/// use codex_transport::testing::ChunkShape;
///
/// let bytes = bytes::Bytes::from("data: a\n\ndata: b\n\n");
/// assert_eq!(ChunkShape::Event.split(&bytes), ["data: a\n\n", "data: b\n\n"]);
/// assert_eq!(ChunkShape::Bytes(7).split(&bytes), ["data: a", "\n\ndata:", " b\n\n"]);
/// let random = ChunkShape::Random { seed: 1, max: 5 };
/// assert_eq!(random.split(&bytes).concat(), bytes);
/// assert_eq!(random.split(&bytes), random.split(&bytes));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChunkShape {
    /// One chunk for each step of the script.
    #[default]
    Whole,
    /// A chunk ends after every blank line.
    Event,
    /// A chunk ends after every line.
    Line,
    /// Chunks of this many bytes (at least one).
    Bytes(usize),
    /// Chunks of 1 to `max` bytes; the same seed gives the same sizes.
    Random {
        /// The seed of the random numbers.
        seed: u64,
        /// The maximum size of a chunk in bytes.
        max: usize,
    },
}

impl ChunkShape {
    /// Splits the input into chunks. An empty input has none.
    pub fn split(&self, bytes: &Bytes) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        let mut rest = bytes.clone();
        let mut random = Random(match self {
            Self::Random { seed, .. } => *seed,
            _ => 0,
        });
        while !rest.is_empty() {
            let length = match *self {
                Self::Whole => rest.len(),
                Self::Event => event_length(&rest),
                Self::Line => line_length(&rest),
                Self::Bytes(length) => length.max(1),
                Self::Random { max, .. } => 1 + random.below(max.max(1)),
            };
            pieces.push(rest.split_to(length.min(rest.len())));
        }
        pieces
    }
}

// Returns the length up to and including the first line ending of any kind, or the whole length
// without one.
fn line_length(bytes: &[u8]) -> usize {
    match bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        Some(at) if bytes[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => bytes.len(),
    }
}

// Returns the length up to and including the first blank line.
fn event_length(bytes: &[u8]) -> usize {
    let mut length = 0;
    while length < bytes.len() {
        let line = line_length(&bytes[length..]);
        let empty = matches!(bytes[length], b'\r' | b'\n');
        length += line;
        if empty {
            break;
        }
    }
    length
}

/// SplitMix64: random enough for the shape of test data, and the same on every platform.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap_or_default()
    }
}
