//! A prepared input is an input like any other: the same requests, the same findings, for less.

use std::sync::LazyLock;

use codex_types::lint::{Finding, FindingCode};
use codex_types::profile::{Channel, FitPolicy, Fitted, OnFinding, Profile, RequestForm, Unfit};
use codex_types::{
    CreateResponse, FunctionTool, HeapSize, Include, Input, InputItem, Message, OutputMessage,
    PreparedInput, RawJson, Streaming,
};
use proptest::prelude::*;

use crate::support::corpus;

static ITEMS: LazyLock<Vec<InputItem>> = LazyLock::new(|| {
    let of_corpus = corpus()
        .into_iter()
        .filter(|sample| matches!(&*sample.root, "input_item" | "output_item" | "stored_item"));
    let own = [
        r#"{"type":"message","role":"system","content":"Be brief."}"#,
        r#"{"role":"system","content":[{"type":"input_text","text":"Be brief."}]}"#,
        r#"{"type":"message","id":"7","role":"user","content":[{"type":"input_audio","data":""},{"type":"input_file","file_id":"file_1"}]}"#,
        r#"{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Yes.","annotations":[],"logprobs":[]}]}"#,
        r#"{"type":"message","role":"user","content":[{"type":"input_image","image_url":"https://example.test/a.png"}]}"#,
        r#"{"type":"item_reference","id":"msg_1"}"#,
        r#"{"type":"additional_tools","role":"developer","tools":[{"type":"function","name":"now"},{"type":"namespace","name":"functions","tools":[]}]}"#,
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}],"internal_chat_message_metadata_passthrough":{"a":1}}"#,
        r#"{"id":"msg_1"}"#,
        r#"{"type":"configuration_update","id":"x"}"#,
        r#"{"type":"dream_call","id":"dr_1","status":"completed","depth":3,"internal_chat_message_metadata_passthrough":{}}"#,
        "null",
        "7",
        r#""text""#,
        "[]",
    ];
    let own = own.map(String::from).into_iter();
    own.chain(of_corpus.map(|sample| sample.json))
        .map(|json| RawJson::parse(&json).unwrap().decode().unwrap())
        .collect()
});

fn profiles() -> Vec<Profile> {
    let mut profiles: Vec<Profile> = Profile::NAMES
        .iter()
        .map(|name| Profile::by_name(name).unwrap())
        .collect();
    let mut strict = Profile::chatgpt_0_120();
    strict.name = "strict".into();
    strict.content.audio = false;
    strict.content.remote_urls = false;
    strict.refused_items.push("message".into());
    profiles.push(strict);
    profiles
}

fn policies() -> Vec<FitPolicy> {
    vec![
        FitPolicy::new(),
        FitPolicy::always(OnFinding::Strip),
        FitPolicy::always(OnFinding::Warn),
        FitPolicy::new()
            .on(FindingCode::RejectedItem, OnFinding::Strip)
            .on(FindingCode::RejectedContent, OnFinding::Warn)
            .at("/input/1/role", OnFinding::Warn)
            .at("/input/2", OnFinding::Warn)
            .at("/tools/0", OnFinding::Strip),
        FitPolicy::always(OnFinding::Strip).form(RequestForm::Lite),
        FitPolicy::new()
            .form(RequestForm::Lite)
            .on(FindingCode::MissingProvenance, OnFinding::Warn)
            .on(FindingCode::RejectedItem, OnFinding::Strip),
        FitPolicy::always(OnFinding::Warn).form(RequestForm::Lite),
    ]
}

fn settings(number: usize) -> CreateResponse {
    let plain = CreateResponse::new("gpt-5.5");
    match number % 6 {
        0 => plain,
        4 => plain.parallel_tool_calls(true).instructions("Be brief."),
        5 => {
            let mut plain = plain;
            plain.model = "gpt-6.2-sol".into();
            plain
        }
        1 => plain.instructions("Be brief.").store(true).temperature(0.5),
        2 => {
            let schema = RawJson::parse(r#"{"type":"object"}"#).unwrap();
            let tool = FunctionTool::new("now", schema, false);
            let raw = r#"{"type":"image_generation"}"#;
            let image = RawJson::parse(raw).unwrap().decode().unwrap();
            plain.tools(vec![tool.into(), image]).instructions("")
        }
        _ => plain
            .include([Include::ReasoningEncryptedContent])
            .previous_response_id("resp_1")
            .store(false)
            .client_metadata(
                [("a".to_owned(), "b".to_owned())]
                    .into_iter()
                    .collect::<codex_types::Map<String>>(),
            ),
    }
}

fn all<'a>(own: &'a [Finding], of_items: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    // Responses Lite moves values after other edits: in a prepared input, item by item and by the
    // first index.
    let is_late = |code| {
        matches!(
            code,
            FindingCode::ToolsPlacement | FindingCode::MissingProvenance
        )
    };
    let describe = |it: &Finding| match is_late(it.code) {
        true => format!("{:?}", it.code),
        false => format!("{it:?}"),
    };
    let mut all: Vec<String> = own.iter().chain(of_items).map(describe).collect();
    all.sort();
    all.dedup_by(|one, two| one == two && !one.starts_with("Finding"));
    all
}

fn assert_same(plain: Result<Fitted, Unfit>, prepared: Result<Fitted, Unfit>) {
    match (plain, prepared) {
        (Ok(plain), Ok(prepared)) => {
            assert_eq!(
                plain.request.to_json(Streaming::Yes).unwrap(),
                prepared.request.to_json(Streaming::Yes).unwrap(),
            );
            let none = || [].iter();
            assert_eq!(
                all(&plain.stripped, none()),
                all(&prepared.stripped, prepared.of_items.stripped()),
            );
            assert_eq!(
                all(&plain.warned, none()),
                all(&prepared.warned, prepared.of_items.warned()),
            );
        }
        (Err(plain), Err(prepared)) => {
            assert_eq!(
                all(plain.findings(), [].iter()),
                all(prepared.findings(), [].iter()),
            );
        }
        (plain, prepared) => panic!("{plain:?} is not {prepared:?}"),
    }
}

proptest! {
    /// A conversation grows and branches, and is sent to alternating backends: each request equals
    /// one that is built from scratch.
    #[test]
    fn a_prepared_request_is_the_plain_one(
        steps in prop::collection::vec((0_usize..10_000, 1_usize..4, 0_usize..10_000, any::<bool>()), 1..12),
    ) {
        let (profiles, policies) = (profiles(), policies());
        let mut items: Vec<InputItem> = Vec::new();
        let mut prepared = PreparedInput::new();
        let mut fork = (items.clone(), prepared.clone());
        for (item, count, choice, forks) in steps {
            let new: Vec<InputItem> = (0..count)
                .map(|number| ITEMS[(item + number * 7) % ITEMS.len()].clone())
                .collect();
            prepared.extend(&new);
            items.extend(new);
            if forks {
                core::mem::swap(&mut fork.0, &mut items);
                core::mem::swap(&mut fork.1, &mut prepared);
            }
            prop_assert_eq!(prepared.len(), items.len());
            // Usually the same as the previous one.
            let profile = &profiles[choice / 8 % profiles.len()];
            let policy = &policies[choice / 64 % policies.len()];
            for channel in [Channel::Http, Channel::WebSocket] {
                let policy = policy.clone().channel(channel);
                let settings = settings(choice / 2);
                let plain = settings.clone().input(items.clone());
                let other = settings.input(&prepared);
                prop_assert_eq!(RawJson::encode(&plain).unwrap(), RawJson::encode(&other).unwrap());
                assert_same(profile.fit(&plain, &policy), profile.fit(&other, &policy));
            }
        }
    }
}

#[test]
fn every_item_on_every_profile_is_the_same_prepared() {
    for profile in profiles() {
        for policy in policies() {
            for number in 0..6 {
                let mut prepared = PreparedInput::new();
                for (at, item) in ITEMS.iter().enumerate() {
                    prepared.push(item.clone());
                    if at % 37 == number {
                        let plain = settings(number).input(ITEMS[..=at].to_vec());
                        let other = settings(number).input(&prepared);
                        assert_same(profile.fit(&plain, &policy), profile.fit(&other, &policy));
                    }
                }
            }
        }
    }
}

#[test]
fn an_empty_input_is_the_same_prepared() {
    for profile in profiles() {
        for number in 0..6 {
            let plain = settings(number).input(Vec::<InputItem>::new());
            let other = settings(number).input(PreparedInput::new());
            let policy = FitPolicy::always(OnFinding::Strip);
            assert_same(profile.fit(&plain, &policy), profile.fit(&other, &policy));
        }
    }
}

#[test]
fn what_fits_can_be_fitted_again() {
    let profile = Profile::chatgpt();
    let input = PreparedInput::from_iter([Message::user("Well?").into()]);
    let request = CreateResponse::new("gpt-5.5")
        .instructions("Be brief.")
        .input(input);
    let fitted = profile.fit(&request, &FitPolicy::new()).unwrap();
    let again = profile.fit(&fitted.request, &FitPolicy::new()).unwrap();
    assert_eq!(
        again.request.to_json(Streaming::Yes).unwrap(),
        fitted.request.to_json(Streaming::Yes).unwrap(),
    );
}

#[test]
fn an_item_that_nests_too_deep_is_refused_as_in_a_plain_request() {
    let deep = |levels: usize| {
        let json = format!(
            r#"{{"type":"x","a":{}{}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        );
        RawJson::parse(&json)
            .unwrap()
            .decode::<InputItem>()
            .unwrap()
    };
    let fits = |input: Input| {
        Profile::platform()
            .fit(&CreateResponse::new("m").input(input), &FitPolicy::new())
            .is_ok()
    };
    for levels in 110..140 {
        let plain = fits(vec![deep(levels)].into());
        let prepared = fits(PreparedInput::from_iter([deep(levels)]).into());
        assert_eq!(plain, prepared, "{levels}");
    }
}

#[test]
fn what_was_said_is_shared() {
    let text = "x".repeat(100_000);
    let mut input = PreparedInput::from_iter([Message::user(text.as_str()).into()]);
    let fork = input.clone();
    input.push(Message::user("Well?"));
    let pointer = |input: &PreparedInput| input.iter().next().unwrap().as_str().as_ptr();
    assert_eq!(pointer(&input), pointer(&fork));
    assert!(input.heap_size() > 100_000);

    // The fitted items as well.
    let request = CreateResponse::new("m")
        .instructions("Be brief.")
        .input(&input);
    let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
    let Some(Input::Prepared(fitted)) = &fitted.request.input else {
        panic!("it was prepared");
    };
    assert_eq!(fitted.len(), 3);
    assert_eq!(
        fitted.iter().nth(1).unwrap().as_str().as_ptr(),
        pointer(&fork)
    );
}

#[test]
fn only_an_input_that_begins_with_another_goes_on_from_it() {
    let item = |text: &str| InputItem::from(Message::user(text));
    let input = |texts: &[&str]| -> PreparedInput { texts.iter().map(|text| item(text)).collect() };
    let mut grown = input(&["a", "b"]);
    let before = grown.clone();
    grown.extend([item("c"), item("d")]);
    grown.push(item("e"));
    let texts = |new: Option<PreparedInput>| new.map(|new| new.to_items());
    let expected = Some(vec![item("c"), item("d"), item("e")]);
    assert_eq!(texts(grown.strip_prefix(&before)), expected);
    // Equal items that are not shared, in differently sized groups.
    assert_eq!(texts(grown.strip_prefix(&input(&["a", "b"]))), expected);
    let mut other = input(&["a"]);
    other.push(item("b"));
    assert_eq!(texts(grown.strip_prefix(&other)), expected);
    assert_eq!(texts(grown.strip_prefix(&grown)), Some(Vec::new()));
    assert_eq!(
        texts(grown.strip_prefix(&PreparedInput::new()))
            .unwrap()
            .len(),
        5
    );
    for other in [
        &["b"][..],
        &["a", "c"],
        &["b", "a"],
        &["a", "b", "c", "d", "e", "f"],
    ] {
        assert_eq!(grown.strip_prefix(&input(other)), None, "{other:?}");
    }
    assert_ne!(grown, before);
    assert_eq!(before, input(&["a", "b"]));
}

#[test]
fn items_that_are_spelled_differently_are_equal() {
    let item = |json: &str| RawJson::parse(json).unwrap().decode::<InputItem>().unwrap();
    let one = item(r#"{"type":"message","role":"user","content":"é"}"#);
    let other = item(r#"{"role":"user","type":"message","content":"\u00e9"}"#);
    let (one, other) = (
        PreparedInput::from_iter([one]),
        PreparedInput::from_iter([other]),
    );
    assert_eq!(one, other);
}

#[test]
fn pushing_to_an_input_keeps_its_form() {
    let mut input = Input::from(PreparedInput::new());
    input.push(OutputMessage::text("msg_1", "Yes."));
    assert!(matches!(&input, Input::Prepared(input) if input.len() == 1));
    let mut input = Input::from("Well?");
    input.push(Message::user("And now?"));
    let expected = [
        Message::user("Well?").into(),
        Message::user("And now?").into(),
    ];
    assert_eq!(input, Input::from(expected));
}
