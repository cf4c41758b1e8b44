//! Failures counted by habit.

use core::fmt;
use std::collections::BTreeMap;

use super::habit::Habit;

#[derive(Debug, Default)]
pub(crate) struct Report {
    exempted: BTreeMap<&'static str, u64>,
    sets: BTreeMap<Vec<Habit>, Count>,
    areas: BTreeMap<String, u64>,
    failed_seeds: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    cases: u64,
    failures: u64,
    first_failure: Option<u64>,
}

impl Report {
    pub(crate) fn exempt(&mut self, reason: &'static str) {
        *self.exempted.entry(reason).or_default() += 1;
    }

    pub(crate) fn exempted(&self) -> u64 {
        self.exempted.values().sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.sets.values().map(|count| count.failures).sum()
    }

    pub(crate) fn record(&mut self, seed: u64, habits: &[Habit], differences: &[String]) {
        let count = self.sets.entry(habits.to_vec()).or_default();
        count.cases += 1;
        if differences.is_empty() {
            return;
        }
        count.failures += 1;
        count.first_failure.get_or_insert(seed);
        self.failed_seeds.push(seed);
        let mut areas: Vec<&str> = differences
            .iter()
            .filter_map(|difference| difference.split(':').next())
            .collect();
        areas.dedup();
        for area in areas {
            *self.areas.entry(area.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        for (reason, count) in other.exempted {
            *self.exempted.entry(reason).or_default() += count;
        }
        for (area, count) in other.areas {
            *self.areas.entry(area).or_default() += count;
        }
        for (habits, count) in other.sets {
            self.sets.entry(habits).or_default().add(count);
        }
        self.failed_seeds.extend(other.failed_seeds);
        self.failed_seeds.sort_unstable();
        self
    }

    fn total(&self, wanted: impl Fn(&[Habit]) -> bool) -> Count {
        let mut total = Count::default();
        let wanted = self.sets.iter().filter(|(habits, _)| wanted(habits));
        wanted.for_each(|(_, count)| total.add(*count));
        total
    }
}

impl Count {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.failures += other.failures;
        let seeds = [self.first_failure, other.first_failure];
        self.first_failure = seeds.into_iter().flatten().min();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:30} {}", "all", self.total(|_| true))?;
        for (reason, count) in &self.exempted {
            writeln!(f, "{count} exempt: {reason}")?;
        }
        if !self.failed_seeds.is_empty() {
            let shown = self.failed_seeds.len().min(MOST_SHOWN);
            writeln!(f, "seeds {:?}", &self.failed_seeds[..shown])?;
        }
        for (area, count) in &self.areas {
            writeln!(f, "{count} failures in: {area}")?;
        }
        let mut habits: Vec<Habit> = self.sets.keys().flatten().copied().collect();
        habits.sort();
        habits.dedup();
        for habit in habits {
            let alone = self.total(|habits| habits == [habit]);
            let among = self.total(|habits| habits.contains(&habit));
            let name = format!("{habit:?}");
            writeln!(f, "{name:30} alone {alone}; among others {among}")?;
        }
        let mut sets: Vec<_> = self
            .sets
            .iter()
            .filter(|(_, count)| count.failures > 0)
            .collect();
        sets.sort_by_key(|(habits, count)| (habits.len(), core::cmp::Reverse(count.failures)));
        for (habits, count) in sets.iter().take(MOST_SHOWN) {
            writeln!(f, "{habits:?} {count}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = 100.0 * self.failures as f64 / self.cases.max(1) as f64;
        write!(
            f,
            "{:6} of {:7} fail, {rate:5.1} %",
            self.failures, self.cases
        )?;
        match self.first_failure {
            Some(seed) => write!(f, ", first seed {seed}"),
            None => Ok(()),
        }
    }
}

/// The number of seeds and of sets of habits that a report lists.
const MOST_SHOWN: usize = 200;
