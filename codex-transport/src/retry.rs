//! Retries: which failures, when, and how many.

pub(crate) mod after;
pub(crate) mod budget;
pub(crate) mod outcome;
pub(crate) mod policy;
pub(crate) mod schedule;
