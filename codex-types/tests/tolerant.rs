//! Chat values in the forms in which servers send them.
#![cfg(feature = "chat")]

use codex_types::chat::translate::to_response;
use codex_types::chat::{
    ChatChunk, ChatChunkChoice, ChatDelta, ChatEnding, ChatMessage, ChatPiece, ChatResponse,
    ChatToolCall, ChatToolCallDelta, ChatUsage, FinishReason, invented_call_id,
};
use codex_types::{RawJson, Usage};
use proptest::prelude::*;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(json: &str) -> T {
    RawJson::parse(json).unwrap().decode().unwrap()
}

/// Returns the parts in short form: `T` for text, `R` for a refusal, `~` for reasoning.
fn short(pieces: &[ChatPiece<'_>]) -> Vec<String> {
    let mark = |piece: &ChatPiece<'_>| match piece {
        ChatPiece::Text(_) => "T",
        ChatPiece::Refusal(_) => "R",
        ChatPiece::Reasoning(_) => "~",
        other => panic!("{other:?}"),
    };
    pieces
        .iter()
        .map(|piece| format!("{} {}", mark(piece), piece.as_str()))
        .collect()
}

#[test]
fn everything_said_is_read_in_every_form() {
    let cases: &[(&str, &[&str])] = &[
        (r#"{"content":"a"}"#, &["T a"]),
        (r#"{"content":"","refusal":""}"#, &[]),
        (r#"{"content":null,"refusal":"no"}"#, &["R no"]),
        (
            r#"{"content":["a",{"type":"text","text":"b"}]}"#,
            &["T a", "T b"],
        ),
        (r#"{"content":{"type":"text","text":"a"}}"#, &["T a"]),
        (
            r#"{"content":[{"text":"a"},{"type":"output_text","text":"b"}]}"#,
            &["T a", "T b"],
        ),
        (
            r#"{"content":[{"type":"refusal","refusal":"no"}]}"#,
            &["R no"],
        ),
        (
            r#"{"content":[{"type":"text","text":"a"},{"type":"thinking","thinking":"h"}]}"#,
            &["~ h", "T a"],
        ),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},"m"]}]}"#,
            &["~ hm"],
        ),
        (
            r#"{"content":"a","reasoning_content":"h"}"#,
            &["~ h", "T a"],
        ),
        (r#"{"content":"a","reasoning":"h"}"#, &["~ h", "T a"]),
        (
            r#"{"reasoning_details":[{"type":"reasoning.summary","summary":"s"},{"type":"reasoning.text","text":"t"},{"type":"reasoning.encrypted","data":"E"}]}"#,
            &["~ s", "~ t"],
        ),
        // The same words under several keys.
        (
            r#"{"reasoning":"h","reasoning_details":[{"type":"reasoning.text","text":"h"}]}"#,
            &["~ h"],
        ),
        (r#"{"reasoning_content":"h","reasoning":"h"}"#, &["~ h"]),
        (
            r#"{"reasoning_content":"h","content":[{"type":"thinking","thinking":"h"},{"type":"text","text":"a"}]}"#,
            &["~ h", "T a"],
        ),
        (r#"{"reasoning_content":"","reasoning":"h"}"#, &["~ h"]),
        (
            r#"{"reasoning_content":null,"reasoning":null,"reasoning_details":[]}"#,
            &[],
        ),
        // Nothing that can be read.
        (
            r#"{"content":{},"reasoning":{"effort":"low"},"refusal":[]}"#,
            &[],
        ),
        (
            r#"{"content":[null,[],{"type":"dream","text":"x"},{"type":"text"}]}"#,
            &[],
        ),
        // Values that are not text.
        (r#"{"content":7,"reasoning":6}"#, &["~ 6", "T 7"]),
        (r#"{"content":[null,7,true]}"#, &["T 7", "T true"]),
    ];
    for (json, expected) in cases {
        assert_eq!(
            short(&read::<ChatDelta>(json).pieces()),
            *expected,
            "{json}"
        );
        let message: ChatMessage = read(json);
        assert_eq!(short(&message.pieces()), *expected, "{json}");
    }
}

#[test]
fn a_call_is_read_in_every_form() {
    // Index, id, name, input, and whether it is a custom tool.
    type Expected = (
        Option<u32>,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        bool,
    );
    let cases: &[(&str, Expected)] = &[
        (
            r#"{"index":1,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}"#,
            (Some(1), Some("a"), Some("f"), Some("{}"), false),
        ),
        (
            r#"{"index":null,"id":null,"type":null,"function":{"name":null,"arguments":null}}"#,
            (None, None, None, None, false),
        ),
        (
            r#"{"index":-1,"id":"","function":{"name":""}}"#,
            (None, None, None, None, false),
        ),
        (
            r#"{"index":"0","id":7}"#,
            (Some(0), Some("7"), None, None, false),
        ),
        (
            r#"{"index":"first","id":7}"#,
            (None, Some("7"), None, None, false),
        ),
        (
            r#"{"index":2.0,"id":{}}"#,
            (Some(2), None, None, None, false),
        ),
        (
            r#"{"function":{"name":"f","arguments":{"p": [1, 2]}}}"#,
            (None, None, Some("f"), Some(r#"{"p":[1,2]}"#), false),
        ),
        (
            r#"{"function":{"arguments":[]}}"#,
            (None, None, None, Some("[]"), false),
        ),
        (
            r#"{"function":{"arguments":""}}"#,
            (None, None, None, Some(""), false),
        ),
        (
            r#"{"type":"custom","custom":{"name":"p","input":"x"}}"#,
            (None, None, Some("p"), Some("x"), true),
        ),
        (r#"{"type":"custom"}"#, (None, None, None, None, true)),
        (
            r#"{"custom":{"name":"p"}}"#,
            (None, None, Some("p"), None, true),
        ),
    ];
    for (json, expected) in cases {
        let check = |call: &ChatToolCallDelta, index| {
            let input = call.input_text();
            let read = (
                index,
                call.given_id(),
                call.given_name(),
                input.as_deref(),
                call.is_custom(),
            );
            assert_eq!(read, *expected, "{json}");
        };
        let call: ChatToolCallDelta = read(json);
        check(&call, call.given_index());
        let whole: ChatToolCall = read(json);
        check(&whole.to_delta(), expected.0);
    }
    assert_eq!(ChatToolCallDelta::new(0).given_index(), Some(0));
    let odd: ChatToolCall = read("null");
    assert_eq!(odd.to_delta().given_name(), None);
}

#[test]
fn older_calls_are_calls() {
    let json = r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"1"}}],"function_call":{"name":"g","arguments":{}}}"#;
    let delta: ChatDelta = read(json);
    let calls = delta.calls();
    let names: Vec<_> = calls.iter().map(|call| call.given_name()).collect();
    assert_eq!(names, [Some("f"), Some("g")]);
    assert_eq!(calls[1].input_text().as_deref(), Some("{}"));
    assert_eq!((calls[1].given_index(), calls[1].given_id()), (None, None));
    let message: ChatMessage = read(json);
    let inputs: Vec<_> = message
        .calls()
        .iter()
        .map(|call| call.input_text().unwrap().into_owned())
        .collect();
    assert_eq!(inputs, ["1", "{}"]);
}

#[test]
fn a_message_instead_of_a_delta_is_read() {
    let text = |json: &str| short(&read::<ChatChunkChoice>(json).delta_or_message().pieces());
    assert_eq!(
        text(r#"{"message":{"role":"assistant","content":["a"]}}"#),
        ["T a"]
    );
    assert_eq!(text(r#"{"delta":null,"message":{"content":"a"}}"#), ["T a"]);
    // Next to a delta it repeats the whole message so far.
    assert_eq!(
        text(r#"{"delta":{"content":"b"},"message":{"content":"ab"}}"#),
        ["T b"]
    );
    assert_eq!(text(r#"{"delta":{},"message":{"content":"ab"}}"#), [""; 0]);
    assert_eq!(text(r#"{"message":7}"#), ["T 7"]);
    assert_eq!(text(r#"{"delta":"a"}"#), ["T a"]);
    // The older Completions API.
    assert_eq!(text(r#"{"text":"a","delta":{}}"#), ["T a"]);
    assert_eq!(text(r#"{"text":"a","delta":{"content":"b"}}"#), ["T b"]);
    let json = r#"{"message":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}}"#;
    let choice: ChatChunkChoice = read(json);
    let delta = choice.delta_or_message();
    assert_eq!(delta.calls()[0].given_index(), None);
    assert_eq!(delta.calls()[0].input_text().as_deref(), Some("{}"));
}

#[test]
fn reasons_to_end_are_read_in_the_words_of_many_servers() {
    let words = [
        (
            ChatEnding::Stop,
            "stop STOP eos eos_token end_turn stop_sequence complete COMPLETE completed done",
        ),
        (
            ChatEnding::ToolCalls,
            "tool_calls tool_call function_call tool_use TOOL_CALL",
        ),
        (
            ChatEnding::Length,
            "length max_tokens MAX_TOKENS model_length",
        ),
        (
            ChatEnding::ContentFilter,
            "content_filter SAFETY RECITATION safety sensitive",
        ),
        (ChatEnding::Error, "error ERROR network_error abort"),
        (ChatEnding::Other, "pause_turn OTHER 7"),
    ];
    for (ending, words) in words {
        for word in words.split(' ') {
            assert_eq!(FinishReason::from(word).ending(), Some(ending), "{word}");
        }
    }
    for word in ["", " ", "null"] {
        assert_eq!(FinishReason::from(word).ending(), None, "{word:?}");
    }
}

#[test]
fn an_error_is_found_wherever_it_stands() {
    let cases = [
        (
            r#"{"error":{"message":"m","code":429,"type":"t"}}"#,
            "m 429 t",
        ),
        (
            r#"{"error":{"message":"m","code":"c"},"choices":[]}"#,
            "m c -",
        ),
        (r#"{"error":"m"}"#, "m - -"),
        (r#"{"error":{"message":{"a": 1}}}"#, r#"{"a":1} - -"#),
        (r#"{"error":{"code":0,"type":"t"}}"#, " - t"),
        (
            r#"{"choices":[{"error":{"message":"m","code":502},"finish_reason":"error"}]}"#,
            "m 502 -",
        ),
        (
            r#"{"object":"error","message":"m","type":"t","code":400}"#,
            "m 400 t",
        ),
        (r#"{"detail":"m"}"#, "m - -"),
        (r#"{"error":["a",{"message":"b","code":7}]}"#, "a; b - -"),
        (r#"{"errors":[{"message":"m","code":7}]}"#, "m 7 -"),
        (r#"{"error":true,"message":"m"}"#, "m - -"),
        (r#"{"error":{"error":{"message":"m"}}}"#, "m - -"),
        (r#"{"error_message":"m","error_type":"t"}"#, "m - t"),
        (r#"{"choices":{"error":"m"}}"#, "m - -"),
    ];
    for (json, expected) in cases {
        for error in [
            read::<ChatChunk>(json).error(),
            read::<ChatResponse>(json).error(),
        ] {
            let error = error.unwrap_or_else(|| panic!("no error in {json}"));
            let code = |code: Option<codex_types::ErrorCode>| {
                code.map_or_else(|| "-".into(), |it| it.to_string())
            };
            let read = format!(
                "{} {} {}",
                error.message,
                code(error.code),
                code(error.kind)
            );
            assert_eq!(read, expected, "{json}");
        }
    }
    let good = [
        r#"{"error":null,"choices":[{"error":null}]}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"error":{"code":0,"message":""}}"#,
        r#"{"error":false}"#,
        r#"{"choices":[{"delta":{}}],"detail":"x"}"#,
        r#"{}"#,
    ];
    for json in good {
        assert_eq!(read::<ChatChunk>(json).error(), None, "{json}");
        assert_eq!(read::<ChatResponse>(json).error(), None, "{json}");
    }
}

#[test]
fn ids_and_times_of_a_foreign_type_are_read() {
    let chunk: ChatChunk = read(r#"{"id":17,"created":1.5}"#);
    assert_eq!(chunk.given_id(), "17");
    assert_eq!(chunk.created_at().to_string(), "1.5");
    let completion: ChatResponse = read(r#"{"id":"c","created":2}"#);
    assert_eq!(completion.given_id(), "c");
    assert_eq!(completion.created_at().as_u64(), Some(2));
}

#[test]
fn invented_ids_are_short() {
    assert_eq!(invented_call_id("", 0), "call_0");
    assert_eq!(invented_call_id("c", 2), "call_c_2");
    let long = invented_call_id(&"ü".repeat(500), 12);
    assert!(long.chars().count() <= 64, "{long}");
}

#[test]
fn usage_is_read_in_every_form() {
    let details = r#""input_tokens_details":{"cached_tokens":CACHED},"output_tokens_details":{"reasoning_tokens":0}"#;
    let cases = [
        (
            r#"{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}"#,
            "11 5 16",
            "0",
        ),
        (
            r#"{"prompt_tokens":11,"completion_tokens":5}"#,
            "11 5 16",
            "0",
        ),
        (
            r#"{"prompt_tokens":11,"completion_tokens":5,"total_tokens":0}"#,
            "11 5 16",
            "0",
        ),
        (
            r#"{"prompt_tokens":11.0,"completion_tokens":5.0,"total_tokens":16.0}"#,
            "11 5 16",
            "0",
        ),
        (
            r#"{"prompt_tokens":11.5,"completion_tokens":5,"total_tokens":-1}"#,
            "0 5 5",
            "0",
        ),
        (r#"{"input_tokens":11,"output_tokens":5}"#, "11 5 16", "0"),
        (
            r#"{"prompt_tokens":11,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":3}"#,
            "11 5 16",
            "8",
        ),
        (
            r#"{"prompt_tokens":11,"completion_tokens":5,"prompt_cache_hit_tokens":8,"prompt_tokens_details":{"cached_tokens":7,"audio_tokens":null}}"#,
            "11 5 16",
            "7",
        ),
        (
            r#"{"prompt_tokens":11,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":7.0}}"#,
            "11 5 16",
            "7",
        ),
    ];
    for (json, counts, cached) in cases {
        let usage = Usage::from(&read::<ChatUsage>(json));
        let counts: Vec<&str> = counts.split(' ').collect();
        let expected = format!(
            r#"{{"input_tokens":{},"output_tokens":{},"total_tokens":{},{}}}"#,
            counts[0],
            counts[1],
            counts[2],
            details.replace("CACHED", cached)
        );
        assert_eq!(
            RawJson::encode(&usage).unwrap().as_str(),
            expected,
            "{json}"
        );
    }
}

#[test]
fn counts_of_every_kind_survive_both_ways() {
    let chat = r#"{"prompt_tokens":20,"completion_tokens":9,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":3,"audio_tokens":2,"image_tokens":5,"text_tokens":6,"video_tokens":1},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":1,"text_tokens":2,"accepted_prediction_tokens":2,"rejected_prediction_tokens":1,"image_tokens":7}}"#;
    let usage = Usage::from(&read::<ChatUsage>(chat));
    assert_eq!((usage.cached_tokens(), usage.reasoning_tokens()), (4, 3));
    let input = &usage.input_tokens_details;
    assert_eq!(input.cache_write_tokens, 3);
    assert_eq!(
        input.extra.get("audio_tokens").map(RawJson::as_str),
        Some("2")
    );
    let back = ChatUsage::from(&usage);
    assert_eq!(RawJson::encode(&back).unwrap().as_str(), chat);
    let audio = back
        .completion_tokens_details
        .and_then(|details| details.audio_tokens);
    assert_eq!(audio, Some(1));
}

proptest! {
    /// A completion of any form is translated or refused by name, and all its calls can be
    /// answered.
    #[test]
    fn any_completion_is_translated_or_refused(
        message in prop::collection::vec(
            (
                prop_oneof![
                    Just("content"), Just("refusal"), Just("reasoning"), Just("reasoning_details"),
                    Just("function_call"), Just("annotations"), Just("audio"),
                ],
                prop_oneof![
                    Just("null"), Just("\"x\""), Just("7"), Just("{}"), Just("[null]"), Just("[]"),
                    Just(r#"[{"type":"text","text":"t"},"u",{"type":"thinking","thinking":["h"]}]"#),
                    Just(r#"[{"type":"image_url","image_url":{"url":"data:,"}}]"#),
                    Just(r#"{"name":"f","arguments":{"a":[1]}}"#),
                    Just(r#"[{"type":"url_citation","url_citation":{"start_index":18446744073709551615}}]"#),
                ],
            ),
            0..6,
        ),
        calls in prop::collection::vec(
            prop_oneof![
                Just("null"), Just("{}"), Just(r#"{"type":"dream"}"#),
                Just(r#"{"function":{"name":"f"}}"#), Just(r#"{"id":"","custom":{"name":"p"}}"#),
                Just(r#"{"id":"call_c_0","function":{"name":"f","arguments":[]}}"#),
                Just(r#"{"id":1,"type":"","function":{"name":"g","arguments":"{"}}"#),
            ],
            0..6,
        ),
        reason in prop_oneof![Just("null"), Just("\"\""), Just("\"stop\""), Just("\"error\""), Just("{}")],
        usage in prop_oneof![Just("null"), Just("{}"), Just(r#"{"prompt_tokens":1e300}"#), Just("[]")],
    ) {
        let mut json = format!(r#"{{"tool_calls":[{}]"#, calls.join(","));
        for (key, value) in message {
            json.push_str(&format!(r#","{key}":{value}"#));
        }
        let completion: ChatResponse = read(&format!(
            r#"{{"id":"c","choices":[{{"message":{json}}},"finish_reason":{reason}}}],"usage":{usage}}}"#,
        ));
        match to_response(&completion) {
            Ok(response) => {
                prop_assert!(response.status.is_final());
                let calls = response.output.iter().filter_map(|item| item.client_call());
                let ids: Vec<_> = calls.map(|call| call.call_id()).collect();
                prop_assert!(ids.iter().all(Option::is_some), "{ids:?}");
                let unique: std::collections::BTreeSet<_> = ids.iter().collect();
                prop_assert_eq!(unique.len(), ids.len());
            }
            Err(error) => prop_assert!(!error.parameter().is_empty()),
        }
    }
}
