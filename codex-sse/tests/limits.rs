//! Limits at, just below and just above their bound, the texts of errors, and the sizes of types on
//! which other code relies.

use codex_sse::{Decoder, Error, ErrorKind, Frame, Limits, Side, Tail};

fn first_error(stream: &[u8], limits: Limits) -> Option<Error> {
    let mut decoder = Decoder::with_limits(limits);
    let mut input = stream;
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

#[test]
fn each_limit_holds_at_its_edge() {
    let line = Limits::unlimited().max_line(9);
    assert_eq!(first_error(b"data: 123\n\n", line), None);
    let error = first_error(b"data: 1234\n\n", line).unwrap();
    assert_eq!(
        error.to_string(),
        "a line is longer than the limit of 9 bytes at offset 9"
    );
    assert_eq!(
        (
            error.kind(),
            error.side(),
            error.is_retryable(),
            error.is_fatal()
        ),
        (ErrorKind::LineTooLong, Side::Remote, false, true)
    );

    let frame = Limits::unlimited().max_frame(5);
    assert_eq!(
        first_error(b"data: 12\ndata: 34\n\ndata: 12345\n\n", frame),
        None
    );
    let error = first_error(b"data: 12\ndata: 345\n\n", frame).unwrap();
    assert_eq!(
        error.to_string(),
        "an event is larger than the limit of 5 bytes at offset 18"
    );
    assert_eq!(
        first_error(b"event: 12\ndata: 3456\n\n", frame)
            .unwrap()
            .offset(),
        Some(19)
    );
    assert_eq!(
        first_error(b"id: 12\ndata: 3\n\ndata: 4567\n\n", frame)
            .unwrap()
            .limit(),
        Some(5)
    );

    let skipped = Limits::unlimited().max_skipped(8);
    assert_eq!(
        first_error(b": 4\n: 8\ndata: 1\n\n: 4\n: 8\ndata: 1\n\n", skipped),
        None
    );
    let error = first_error(b": 4\n: 8\n\ndata: 1\n\n", skipped).unwrap();
    assert_eq!(
        error.to_string(),
        "the lines between two events are longer than the limit of 8 bytes at offset 8"
    );
}

/// A line of data without a value is not skipped, and the limits are those that were set.
#[test]
fn limits_hold_for_lines_without_a_value_and_can_be_read() {
    let skipped = Limits::unlimited().max_skipped(8);
    assert_eq!(first_error(b":45\ndata:\ndata:\n\n", skipped), None);
    let error = first_error(b"event\nevent\n\n", skipped).unwrap();
    assert_eq!(error.offset(), Some(8));

    let frame = Frame::new(b"1").with_retry(core::time::Duration::from_millis(1500));
    assert_eq!(frame.retry(), Some(core::time::Duration::from_millis(1500)));
    let mut written = Vec::new();
    frame.encode(&mut written).unwrap();
    assert!(
        written.starts_with(b"retry: 1500\n"),
        "{}",
        written.escape_ascii()
    );

    let limits = Limits::new().max_line(7).max_frame(8).max_skipped(9);
    assert_eq!(Decoder::with_limits(limits).limits(), limits);
    assert_eq!(Decoder::new().limits(), Limits::new());
}

#[cfg(feature = "events")]
#[test]
fn a_message_is_limited_like_a_frame() {
    let limits = Limits::new().max_frame(1000);
    let mut decoder = codex_sse::EventDecoder::with_limits(limits);
    let message = format!("{:1000}", r#"{"type":"error"}"#);
    let event = decoder.decode_message(message.as_bytes()).unwrap();
    assert!(event.is_some() && decoder.is_terminated());
    let error = decoder.decode_message(format!("{message} ").as_bytes());
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "an event is larger than the limit of 1000 bytes"
    );
    assert_eq!(
        (error.kind(), error.limit()),
        (ErrorKind::FrameTooLong, Some(1000))
    );
}

#[test]
fn floods_of_nothing_are_bounded() {
    let limits = Limits::new().max_skipped(1000).max_frame(1000);
    for block in [
        &b"\n"[..],
        b"\r",
        b"\r\n",
        b":\n",
        b"id: 1\n",
        b"event: a\n\n",
        b"retry: 1\n",
        b"unknown\n",
        b"data\n",
        b"data:",
    ] {
        let flood = block.repeat(2000);
        assert!(
            first_error(&flood, limits).is_some(),
            "a flood of {}",
            block.escape_ascii()
        );
    }
}

#[test]
fn an_unencodable_frame_says_so_and_writes_nothing() {
    let mut out = Vec::new();
    for frame in [
        Frame::new(b"a\rb"),
        Frame::new(b"").with_event(b"a\nb"),
        Frame::new(b"").with_id(b"a\0"),
        Frame::new(b"").with_id(b"\r"),
    ] {
        let error = frame.encode(&mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an event contains a character that server-sent events cannot represent"
        );
        assert_eq!(
            (
                error.side(),
                error.is_retryable(),
                error.offset(),
                error.limit()
            ),
            (Side::Local, false, None, None)
        );
    }
    assert!(out.is_empty());
}

#[test]
fn debug_shows_no_payload() {
    let frame = Frame::new(b"secret").with_id(b"secret").with_event(b"ping");
    for text in [format!("{frame:?}"), format!("{:?}", frame.to_owned())] {
        assert!(!text.contains("secret") && text.contains("ping"), "{text}");
    }
}

#[test]
fn an_error_is_as_small_as_a_pointer_and_can_go_anywhere() {
    fn can_go_anywhere<T: Send + Sync + Unpin + 'static>() {}
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    can_go_anywhere::<Error>();
    can_go_anywhere::<Decoder>();
    can_go_anywhere::<codex_sse::FrameBuf>();
    #[cfg(feature = "events")]
    {
        can_go_anywhere::<codex_sse::EventDecoder>();
        can_go_anywhere::<codex_sse::Accumulator>();
        can_go_anywhere::<codex_sse::Updates>();
    }
}

#[test]
fn tails_report_what_was_lost() {
    let tail = |stream: &[u8]| {
        let mut decoder = Decoder::new();
        let mut input = stream;
        while decoder.decode(&mut input).unwrap().is_some() {}
        decoder.finish()
    };
    assert_eq!(tail(b""), Tail::Clean);
    assert_eq!(tail(b"data: 1\n\n"), Tail::Clean);
    assert_eq!(tail(b"data: 1\r\n\r\n"), Tail::Clean);
    assert_eq!(tail(b"data: 1\n\n: bye\n: b"), Tail::Clean);
    assert_eq!(tail(b"data: 1\n\nid: 4\n"), Tail::Discarded(6));
    assert_eq!(tail(b"data: 1\n\nda"), Tail::Discarded(2));
    assert_eq!(tail(b"\xEF\xBB"), Tail::Discarded(2));
}
