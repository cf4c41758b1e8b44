//! The dialect law: whatever habits a server has, the library assembles the canonical response, and
//! delivers each text and each tool call once.
//!
//! `DIALECT_SEEDS=N` tests N seeds, `DIALECT_FROM=M` starts at seed M, `DIALECT_STOP=1` stops at
//! the first failure and shows it, and `DIALECT_REPORT=1` prints the failures by habit.
#![cfg(feature = "chat")]

mod addresses;
mod ambiguity;
mod check;
mod check_chat;
mod check_display;
mod final_output;
mod generate;
mod habit;
mod library;
mod report;
mod reshape;
mod rng;
mod sources;
mod stream;

use self::ambiguity::ambiguous;
use self::check::differences;
use self::habit::Case;
use self::report::Report;
use self::rng::Rng;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Fails with the seed, the habits, the event lines and the differences.
fn fail(seed: u64, case: &Case, differences: &[String]) -> ! {
    let lines = case.lines().join("\n");
    let differences = differences.join("\n");
    panic!(
        "seed {seed}, habits {:?}\n{lines}\n{differences}",
        case.habits
    );
}

/// Tests every seed. Stops at the first failure if `DIALECT_STOP` is set.
fn test_seeds(seeds: impl Iterator<Item = u64>, stops: bool) -> Report {
    let mut report = Report::default();
    for seed in seeds {
        let case = Case::random(&mut Rng::from_seed(seed));
        if let Some(reason) = ambiguous(&case) {
            report.exempt(reason);
            continue;
        }
        let differences = differences(&case);
        if !differences.is_empty() && stops {
            fail(seed, &case, &differences);
        }
        report.record(seed, &case.habits, &differences);
    }
    report
}

#[test]
fn any_habits_of_a_server_yield_the_response_once() {
    let count = variable("DIALECT_SEEDS").unwrap_or(if cfg!(miri) { 8 } else { 20_000 });
    let from = variable("DIALECT_FROM").unwrap_or(0);
    let reports = variable("DIALECT_REPORT") == Some(1);
    let stops = variable("DIALECT_STOP") == Some(1);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let report = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                let seeds = (from..from + count).skip(thread).step_by(threads);
                scope.spawn(move || test_seeds(seeds, stops))
            })
            .collect();
        let reports = runs.into_iter().map(|run| match run.join() {
            Ok(report) => report,
            Err(failure) => std::panic::resume_unwind(failure),
        });
        reports.fold(Report::default(), Report::merge)
    });
    if reports {
        println!("{report}");
    }
    assert_eq!(report.failed(), 0, "some cases fail\n{report}");
    assert!(
        report.exempted() * 100 <= count.max(100),
        "too many cases are ambiguous\n{report}"
    );
}

#[test]
fn canonical_streams_yield_the_response_once() {
    let count = variable("DIALECT_SEEDS").unwrap_or(if cfg!(miri) { 8 } else { 2_000 });
    for seed in 0..count.min(2_000) {
        let case = Case::with_habits(&mut Rng::from_seed(seed), Vec::new());
        let differences = differences(&case);
        if !differences.is_empty() {
            fail(seed, &case, &differences);
        }
    }
}

/// The inputs of the fuzz target `sse_dialects` that failed once.
#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn inputs_that_failed_once_yield_the_response_once() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/sse_dialects");
    let mut tested = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let case = match <[u8; 8]>::try_from(bytes.as_slice()) {
            Ok(seed) => Case::random(&mut Rng::from_seed(u64::from_le_bytes(seed))),
            Err(_) => Case::random(&mut Rng::from_bytes(&bytes)),
        };
        let found = differences(&case);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        tested += 1;
    }
    assert!(tested > 10, "{tested} inputs");
}

#[test]
fn the_same_seed_and_the_same_bytes_make_the_same_case() {
    let bytes: Vec<u8> = (0..=255).collect();
    for length in (0..bytes.len()).step_by(if cfg!(miri) { 64 } else { 1 }) {
        let make = || Case::random(&mut Rng::from_bytes(&bytes[..length]));
        assert_eq!(make().lines(), make().lines());
    }
    let make = |seed| Case::random(&mut Rng::from_seed(seed)).lines();
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}
