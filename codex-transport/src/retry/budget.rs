//! A retry budget that tasks share.

use core::fmt;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// A retry budget shared by many tasks, so that their retries do not overload a struggling server.
/// Clones share the budget.
///
/// The budget is a token bucket: a retry takes ten tokens, and a success returns one, up to the
/// size of the bucket. If every request fails, all tasks together send at most 1.1 times the first
/// attempts, plus the burst.
///
/// ```
/// use codex_transport::RetryBudget;
///
/// let budget = RetryBudget::new(1);
/// assert!(budget.withdraw());
/// assert!(!budget.withdraw());
/// (0..10).for_each(|_| budget.deposit());
/// assert!(budget.withdraw());
/// ```
#[derive(Clone)]
pub struct RetryBudget(Arc<Bucket>);

struct Bucket {
    tokens: Mutex<u64>,
    size: u64,
}

impl RetryBudget {
    /// Creates a budget that allows a burst of this many retries, and then one retry for every ten
    /// successes.
    pub fn new(burst: u32) -> Self {
        let size = u64::from(burst) * RETRY_COST;
        Self(Arc::new(Bucket {
            tokens: Mutex::new(size),
            size,
        }))
    }

    /// Withdraws one retry, and returns whether one was available.
    pub fn withdraw(&self) -> bool {
        let mut tokens = lock(&self.0.tokens);
        match tokens.checked_sub(RETRY_COST) {
            Some(left) => {
                *tokens = left;
                true
            }
            None => false,
        }
    }

    /// Records a successful request, which adds one token, up to the size of the budget.
    pub fn deposit(&self) {
        let mut tokens = lock(&self.0.tokens);
        *tokens = (*tokens + 1).min(self.0.size);
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("burst", &(self.0.size / RETRY_COST))
            .finish_non_exhaustive()
    }
}

const RETRY_COST: u64 = 10;
