//! The translation between Chat Completions and Responses against a corpus of pairs.
#![cfg(feature = "chat")]

#[path = "support/pairs.rs"]
mod pairs;

use codex_types::chat::translate::{
    RequestOptions, chat_error_body, to_chat_request, to_chat_response, to_response,
    to_responses_request,
};
use codex_types::chat::{ChatRequest, ChatResponse};
use codex_types::lint::Finding;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, Map, RawJson, Response};
use serde_json::Value;

use self::pairs::{answer_options, cases, text};

fn value(json: &RawJson) -> Value {
    json.decode().unwrap()
}

#[test]
fn the_corpus_is_large_enough() {
    let count: usize = [
        "requests",
        "requests_back",
        "responses",
        "completions",
        "streams",
    ]
    .iter()
    .map(|file| cases(file).len())
    .sum();
    assert!(count >= 120, "{count}");
}

#[test]
fn requests() {
    for case in cases("requests") {
        let name = text(&case, "name").unwrap();
        let chat: ChatRequest = case.get("in").unwrap().decode().unwrap();
        let options = match text(&case, "options").as_deref() {
            None => RequestOptions::new(),
            Some("lenient") => RequestOptions::new().lenient(),
            Some(profile) => RequestOptions::for_profile(&Profile::by_name(profile).unwrap()),
        };
        let result = to_responses_request(&chat, &options);
        match text(&case, "refused") {
            Some(parameter) => {
                let error = result.expect_err(&name);
                assert_eq!(error.parameter(), parameter, "{name}");
                assert!(error.to_string().contains(&parameter), "{name}");
            }
            None => {
                let translated = result.unwrap_or_else(|error| panic!("{name}: {error}"));
                let written = RawJson::encode(&translated.request).unwrap();
                assert_eq!(value(&written), value(case.get("out").unwrap()), "{name}");
                if case.get("findings").is_some() {
                    check_findings(&case, &translated.findings);
                }
            }
        }
    }
}

/// Codes and pointers, in any order.
fn check_findings(case: &Map<RawJson>, findings: &[Finding]) {
    let findings = findings.iter();
    let mut findings: Vec<String> = findings
        .map(|one| format!("{} {}", one.code, one.pointer))
        .collect();
    let mut expected: Vec<String> = case
        .get("findings")
        .map_or(Vec::new(), |findings| findings.decode().unwrap());
    findings.sort();
    expected.sort();
    assert_eq!(findings, expected, "{:?}", case.get("name"));
}

#[test]
fn requests_back() {
    for case in cases("requests_back") {
        let name = text(&case, "name").unwrap();
        let request: CreateResponse = case.get("in").unwrap().decode().unwrap();
        let options = match text(&case, "options").as_deref() {
            None => RequestOptions::new(),
            Some("system") => RequestOptions::new().developer_as_system(true),
            Some("lenient") => RequestOptions::new().lenient(),
            Some(other) => panic!("{other} is no choice"),
        };
        let result = to_chat_request(&request, &options);
        if let Some(parameter) = text(&case, "refused") {
            assert_eq!(result.expect_err(&name).parameter(), parameter, "{name}");
            continue;
        }
        let translated = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = RawJson::encode(&translated.request).unwrap();
        assert_eq!(value(&written), value(case.get("out").unwrap()), "{name}");
        check_findings(&case, &translated.findings);
    }
}

#[test]
fn responses() {
    for case in cases("responses") {
        let name = text(&case, "name").unwrap();
        let response: Response = case.get("in").unwrap().decode().unwrap();
        let result = to_chat_response(&response, &answer_options(&case));
        match case.get("error") {
            Some(expected) => {
                let body = value(&chat_error_body(&result.expect_err(&name)));
                assert_eq!(body["error"], value(expected), "{name}");
            }
            None => {
                let completion = result.unwrap_or_else(|error| panic!("{name}: {}", error.message));
                let written = value(&RawJson::encode(&completion).unwrap());
                assert_eq!(written, value(case.get("out").unwrap()), "{name}");
            }
        }
    }
}

#[test]
fn completions() {
    for case in cases("completions") {
        let name = text(&case, "name").unwrap();
        let completion: ChatResponse = case.get("in").unwrap().decode().unwrap();
        let result = to_response(&completion);
        match text(&case, "refused") {
            Some(parameter) => {
                assert_eq!(result.expect_err(&name).parameter(), parameter, "{name}")
            }
            None => {
                let response = result.unwrap_or_else(|error| panic!("{name}: {error}"));
                let written = value(&RawJson::encode(&response).unwrap());
                assert_eq!(written, value(case.get("out").unwrap()), "{name}");
            }
        }
    }
}
