//! Translation: any JSON is translated or refused by name, a stream ends at most once and never
//! successfully after an error, and the linter's fixes terminate.
#![no_main]

use codex_sse::chat::{ChatStreamEvent, ToChatChunks, ToResponseEvents};
use codex_types::chat::translate::{
    AnswerOptions, ReasoningShown, RequestOptions, to_chat_request, to_chat_response, to_response,
    to_responses_request,
};
use codex_types::chat::{ChatChunk, ChatRequest, ChatResponse};
use codex_types::lint::Linter;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, RawJson, Response, ResponseEvent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let options = RequestOptions::new();
    let answer = AnswerOptions::new()
        .include_usage(true)
        .reasoning(ReasoningShown::TextAndItems);
    let mut chunks = ToChatChunks::new(answer.clone());
    let mut events = ToResponseEvents::new();
    let mut back = Vec::new();
    let mut out = Vec::new();
    for line in text.lines() {
        if line == "[DONE]" {
            events.feed_done();
        }
        let Ok(json) = RawJson::parse(line) else {
            continue;
        };
        if let Ok(chat) = json.decode::<ChatRequest>() {
            match to_responses_request(&chat, &options) {
                Ok(there) => {
                    let _ = to_chat_request(&there.request, &options);
                }
                Err(error) => assert!(error.to_string().starts_with(error.parameter())),
            }
        }
        if let Ok(request) = json.decode::<CreateResponse>() {
            let _ = to_chat_request(&request, &options.clone().lenient());
        }
        if let Ok(response) = json.decode::<Response>()
            && let Ok(completion) = to_chat_response(&response, &answer)
        {
            let back = to_response(&completion).expect("what was translated translates back");
            assert!(back.status.is_final());
        }
        if let Ok(completion) = json.decode::<ChatResponse>() {
            let _ = to_response(&completion);
        }
        if let Ok(event) = ResponseEvent::from_json(line) {
            out.extend(chunks.feed(&event));
        }
        if let Ok(chunk) = json.decode::<ChatChunk>() {
            back.extend(events.feed(&chunk).into_iter().flatten());
        }
        for name in ["platform", "chatgpt-0.120"] {
            let linter = Linter::new(Profile::by_name(name).expect("it is one of ours"));
            let Ok((body, _)) = linter.fix(&json) else {
                continue;
            };
            let left = linter.lint_json(&body).expect("a fixed body can be read");
            assert!(left.iter().all(|finding| finding.fix.is_none()), "{left:?}");
        }
    }
    out.extend(chunks.finish());
    let ends = |one: &&ChatStreamEvent| !matches!(one, ChatStreamEvent::Chunk(_));
    assert_eq!(out.iter().filter(ends).count(), 1);
    assert!(out.last().as_ref().is_some_and(ends));
    back.extend(events.finish());
    assert_eq!(back.iter().filter(|event| event.is_terminal()).count(), 1);
    assert!(back.last().is_some_and(ResponseEvent::is_terminal));
});
