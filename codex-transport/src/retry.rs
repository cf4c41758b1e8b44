//! Retries: which failures are retried, when, and how often.

pub(crate) mod after;
pub(crate) mod budget;
pub(crate) mod outcome;
pub(crate) mod policy;
pub(crate) mod schedule;
