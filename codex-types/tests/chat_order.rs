//! The order of messages, calls and outputs that chat services require, for histories of any order.
#![cfg(feature = "chat")]

use std::collections::BTreeSet;

use codex_types::chat::translate::{RequestOptions, to_chat_request};
use codex_types::chat::{ChatContent, ChatRole};
use codex_types::{CreateResponse, FunctionCall, FunctionCallOutput, InputItem, Message};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    User(usize),
    Assistant(usize),
    Call(usize),
    Output(usize),
}

fn item(kind: Kind) -> InputItem {
    match kind {
        Kind::User(number) => Message::user(format!("u{number}")).into(),
        Kind::Assistant(number) => Message::assistant(format!("a{number}")).into(),
        Kind::Call(number) => FunctionCall::new(number.to_string(), "f", "{}").into(),
        Kind::Output(number) => FunctionCallOutput::new("x")
            .call_id(number.to_string())
            .into(),
    }
}

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    let number = 0..6_usize;
    let kind = prop_oneof![
        number.clone().prop_map(Kind::User),
        number.clone().prop_map(Kind::Assistant),
        number.clone().prop_map(Kind::Call),
        number.clone().prop_map(Kind::Call),
        number.clone().prop_map(Kind::Output),
        number.prop_map(Kind::Output),
    ];
    prop::collection::vec(kind, 0..16).prop_map(|kinds| {
        let mut seen = BTreeSet::new();
        kinds
            .into_iter()
            .filter(|kind| seen.insert(*kind))
            .collect()
    })
}

proptest! {
    #[test]
    fn calls_are_followed_at_once_by_their_outputs(kinds in kinds()) {
        let items: Vec<InputItem> = kinds.iter().copied().map(item).collect();
        let request = CreateResponse::new("m").input(items);
        let translated = to_chat_request(&request, &RequestOptions::new()).unwrap();
        let messages = translated.request.messages;

        let has_both = |id: &str| {
            let number = id.parse().unwrap();
            kinds.contains(&Kind::Output(number)) && kinds.contains(&Kind::Call(number))
        };
        let (mut said, mut called, mut answered) = (Vec::new(), Vec::new(), Vec::new());
        let mut due: BTreeSet<String> = BTreeSet::new();
        for message in &messages {
            if message.role == ChatRole::Tool {
                let id = message.tool_call_id.clone().unwrap();
                prop_assert!(due.remove(&id) || !has_both(&id), "{kinds:?}");
                answered.push(id);
                continue;
            }
            prop_assert!(due.is_empty(), "{kinds:?}: {due:?} should come first");
            if let Some(ChatContent::Text(text)) = &message.content {
                said.push(text.clone());
            }
            for call in message.tool_calls.iter().flatten() {
                called.push(call.id().to_owned());
                due.extend(has_both(call.id()).then(|| call.id().to_owned()));
            }
        }
        prop_assert!(due.is_empty(), "{kinds:?}");

        // Nothing is lost or duplicated; messages and calls each keep their order.
        let expected = |pick: fn(Kind) -> Option<String>| -> Vec<String> {
            kinds.iter().copied().filter_map(pick).collect()
        };
        prop_assert_eq!(said, expected(|kind| match kind {
            Kind::User(number) => Some(format!("u{number}")),
            Kind::Assistant(number) => Some(format!("a{number}")),
            _ => None,
        }));
        prop_assert_eq!(called, expected(|kind| match kind {
            Kind::Call(number) => Some(number.to_string()),
            _ => None,
        }));
        answered.sort();
        let mut outputs = expected(|kind| match kind {
            Kind::Output(number) => Some(number.to_string()),
            _ => None,
        });
        outputs.sort();
        prop_assert_eq!(answered, outputs);
        let unpaired = kinds.iter().filter(|kind| match kind {
            Kind::Call(number) | Kind::Output(number) => !has_both(&number.to_string()),
            _ => false,
        });
        prop_assert_eq!(translated.findings.len(), unpaired.count());
    }
}
