//! The cost of a request of a long conversation grows only with its new items: counted in allocated
//! bytes.

use std::alloc::System;

use codex_types::profile::{FitPolicy, OnFinding, Profile};
use codex_types::{CreateResponse, Input, Message, PreparedInput, Streaming};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn allocated<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let region = Region::new(ALLOCATOR);
    let result = work();
    (result, region.change().bytes_allocated)
}

// This is one test, because the allocator counts the allocations of all threads.
#[test]
fn a_request_allocates_what_is_new() {
    for (name, is_changed) in [
        ("platform", false),
        ("chatgpt", true),
        ("chatgpt-0.120", true),
    ] {
        let profile = Profile::by_name(name).unwrap();
        let policy = FitPolicy::always(OnFinding::Strip);
        let request = |input: &PreparedInput| {
            CreateResponse::new("gpt-5.5")
                .instructions("Be brief.")
                .store(false)
                .input(input)
        };
        let mut input = PreparedInput::new();
        for number in 0..1000 {
            let mut message = Message::system("x".repeat(1000));
            message.id = Some(number.to_string());
            input.push(message);
        }
        let before = profile.fit(&request(&input), &policy).unwrap();
        assert_eq!(
            before.of_items.stripped().next().is_some(),
            is_changed,
            "{name}"
        );

        input.push(Message::user("Well?"));
        let (after, fitting) = allocated(|| profile.fit(&request(&input), &policy).unwrap());
        let of = |request: CreateResponse| match request.input {
            Some(Input::Prepared(input)) => input,
            other => panic!("{other:?}"),
        };
        let body = after.request.to_json(Streaming::Yes).unwrap();
        let (before, after) = (of(before.request), of(after.request));
        let (new, comparing) = allocated(|| after.strip_prefix(&before).unwrap());
        assert_eq!(new.len(), 1, "{name}");
        let (fork, forking) = allocated(|| input.clone());
        assert!(fitting < 64 << 10, "{name}: {fitting} bytes for a fit");
        assert!(
            comparing < 1 << 10,
            "{name}: {comparing} bytes for a comparison"
        );
        assert_eq!(forking, 0, "{name}: {} items", fork.len());
        assert!(body.len() > 1_000_000);
    }
}
