//! What the profiles say, and what fitting a request to them does.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use codex_types::lint::{FindingCode, Severity};
use codex_types::profile::{Channel, FitPolicy, Identity, OnFinding, Profile, Source, Store};
use codex_types::{
    CreateResponse, Effort, FunctionCall, InputItem, Message, RawJson, Reasoning, ServiceTier,
};

fn identity() -> Identity {
    Identity::new()
        .originator("our_client")
        .user_agent("our_client/0.1.0")
        .client_version("0.1.0")
        .account_id("acct_invented")
        .session_id("s-1")
        .thread_id("t-1")
        .model("gpt-5.5")
        .turn_state("state-1")
}

fn headers(profile: &Profile, channel: Channel) -> Vec<String> {
    let identity = identity();
    let headers = profile.headers_for(channel, &identity);
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

/// The fit of a request given as JSON, changing whatever can be changed.
fn fit(profile: &Profile, json: &str) -> String {
    let body = RawJson::parse(json).unwrap();
    let policy = FitPolicy::always(OnFinding::Strip);
    profile
        .fit_json(&body, &policy)
        .unwrap()
        .request
        .to_string()
}

#[test]
fn every_name_has_a_profile() {
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        assert!(format!("{profile:?}").starts_with("Profile {"), "{name}");
    }
    assert_eq!(Profile::by_name("nobody"), None);
    assert_eq!(
        Profile::by_name("siwc"),
        Profile::by_name("sign-in-with-chatgpt")
    );
}

#[test]
fn headers_of_the_newer_chatgpt_client_over_http() {
    assert_eq!(
        headers(&Profile::chatgpt_0_169(), Channel::Http),
        [
            "version: 0.1.0",
            "x-codex-turn-state: state-1",
            "x-codex-window-id: t-1:0",
            "x-codex-routing-hint: model=gpt-5.5",
            "x-client-request-id: t-1",
            "session-id: s-1",
            "thread-id: t-1",
            "chatgpt-account-id: acct_invented",
            "originator: our_client",
            "user-agent: our_client/0.1.0",
        ]
    );
}

#[test]
fn headers_of_the_newer_chatgpt_client_over_a_socket() {
    let headers = headers(&Profile::chatgpt_0_169(), Channel::WebSocket);
    assert!(headers.contains(&"openai-beta: responses_websockets=2026-02-06".into()));
    assert!(
        !headers
            .iter()
            .any(|header| header.starts_with("x-codex-turn-state"))
    );
}

#[test]
fn headers_of_the_older_chatgpt_client() {
    let http = headers(&Profile::chatgpt_0_120(), Channel::Http);
    assert!(http.contains(&"session_id: s-1".into()));
    assert!(!http.iter().any(|header| header.starts_with("session-id")));
    assert!(!http.iter().any(|header| header.starts_with("openai-beta")));
    let socket = headers(&Profile::chatgpt_0_120(), Channel::WebSocket);
    assert!(!socket.iter().any(|header| header.starts_with("user-agent")));
}

#[test]
fn a_token_of_sign_in_with_chatgpt_tells_no_account() {
    assert_eq!(
        headers(&Profile::sign_in_with_chatgpt(), Channel::Http),
        [
            "user-agent: our_client/0.1.0",
            "session-id: s-1",
            "x-client-request-id: t-1"
        ]
    );
}

#[test]
fn nothing_is_said_that_is_not_known() {
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        let identity = Identity::new();
        let literal = profile
            .headers
            .iter()
            .filter(|header| matches!(header.value, Source::Literal(_)))
            .count();
        assert_eq!(
            profile.headers_for(Channel::WebSocket, &identity).len(),
            literal,
            "{name}"
        );
        assert_eq!(profile.client_metadata_for(&identity).len(), 0, "{name}");
    }
}

#[test]
fn the_chatgpt_backend_gets_what_it_demands() {
    let json = r#"{"model":"gpt-5.5","instructions":"Be brief.","input":"Hi","temperature":0.2,"user":"u"}"#;
    assert_eq!(
        fit(&Profile::chatgpt_0_169(), json),
        concat!(
            r#"{"model":"gpt-5.5","input":["#,
            r#"{"type":"message","role":"developer","content":[{"type":"input_text","text":"Be brief."}]},"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"#,
            r#""store":false,"stream":true,"include":["reasoning.encrypted_content"]}"#,
        )
    );
    assert_eq!(
        fit(
            &Profile::chatgpt_0_120(),
            r#"{"model":"gpt-5.5","input":[]}"#
        ),
        concat!(
            r#"{"model":"gpt-5.5","input":[],"store":false,"stream":true,"#,
            r#""include":["reasoning.encrypted_content"],"instructions":""}"#,
        )
    );
}

#[test]
fn ids_and_status_go_back_as_the_version_says() {
    let json = concat!(
        r#"{"model":"m","instructions":"","store":false,"stream":true,"include":["reasoning.encrypted_content"],"#,
        r#""input":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","#,
        r#""content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}],"phase":"commentary"},"#,
        r#"{"type":"custom_tool_call","id":"ctc_1","status":"completed","call_id":"c","name":"n","input":"i"},"#,
        r#"{"type":"message","id":"mine","role":"user","content":"b"}]}"#,
    );
    assert_eq!(
        fit(&Profile::chatgpt_0_120(), json),
        concat!(
            r#"{"model":"m","instructions":"","store":false,"stream":true,"include":["reasoning.encrypted_content"],"#,
            r#""input":[{"type":"message","role":"assistant","#,
            r#""content":[{"type":"output_text","text":"a"}],"phase":"commentary"},"#,
            r#"{"type":"custom_tool_call","status":"completed","call_id":"c","name":"n","input":"i"},"#,
            r#"{"type":"message","role":"user","content":"b"}]}"#,
        )
    );
    let newer = fit(&Profile::chatgpt_0_169(), json);
    assert!(
        newer.contains(r#""id":"msg_1","status":"completed""#),
        "{newer}"
    );
    assert!(
        !newer.contains("mine"),
        "an id the service would not give out is left out: {newer}"
    );
}

#[test]
fn a_request_is_fitted_as_a_type() {
    let request = CreateResponse::new("gpt-5.5")
        .instructions("Be brief.")
        .input([
            InputItem::from(Message::system("old")),
            InputItem::from("Hi"),
        ])
        .service_tier(ServiceTier::Fast)
        .reasoning(Reasoning::new().effort(Effort::Ultra))
        .metadata(
            [("a", "b")]
                .into_iter()
                .collect::<codex_types::Map<String>>(),
        );
    let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
    let codes: Vec<_> = fitted.stripped.iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        [
            FindingCode::RejectedParameter,
            FindingCode::RequiredValue,
            FindingCode::MissingInclude,
            FindingCode::InstructionsPlacement,
            FindingCode::RejectedRole,
            FindingCode::RenamedValue,
            FindingCode::RenamedValue,
        ]
    );
    assert_eq!(fitted.warned, []);
    let request = fitted.request;
    assert_eq!(request.instructions, None);
    assert_eq!(request.metadata, None);
    assert_eq!(request.store, Some(false));
    assert_eq!(request.service_tier, Some(ServiceTier::Priority));
    assert_eq!(request.reasoning.unwrap().effort, Some(Effort::Max));
    let items = request.input.unwrap().into_items();
    assert_eq!(items.len(), 3);
    assert!(items.iter().take(2).all(|item| {
        matches!(item, InputItem::Message(message) if message.role == "developer")
    }));
}

#[test]
fn what_is_essential_is_not_given_up_unasked() {
    let request = CreateResponse::new("m")
        .input("Hi")
        .previous_response_id("resp_1");
    let siwc = Profile::sign_in_with_chatgpt();
    let unfit = siwc.fit(&request, &FitPolicy::new()).unwrap_err();
    assert_eq!(unfit.findings().len(), 1);
    assert_eq!(unfit.findings()[0].severity, Severity::Error);
    // A socket continues what was said over it.
    let policy = FitPolicy::new().channel(Channel::WebSocket);
    let fitted = siwc.fit(&request, &policy).unwrap();
    assert_eq!(
        fitted.request.previous_response_id.as_deref(),
        Some("resp_1")
    );
}

#[test]
fn the_fifteen_refused_parameters_are_refused_by_name() {
    let refused = [
        "background",
        "conversation",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "moderation",
        "multi_agent",
        "prompt",
        "prompt_cache_retention",
        "safety_identifier",
        "temperature",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    ];
    for name in refused {
        let json = format!(
            r#"{{"model":"m","input":[],"store":false,"stream":true,"include":["reasoning.encrypted_content"],"{name}":1}}"#
        );
        let body = RawJson::parse(&json).unwrap();
        let policy = FitPolicy::always(OnFinding::Fail);
        let unfit = Profile::sign_in_with_chatgpt()
            .fit_json(&body, &policy)
            .unwrap_err();
        let places: Vec<_> = unfit
            .findings()
            .iter()
            .map(|finding| &*finding.pointer)
            .collect();
        assert_eq!(places, [format!("/{name}")], "{name}");
    }
}

#[test]
fn a_warning_leaves_the_request_alone() {
    let request = CreateResponse::new("m").input("Hi").temperature(1);
    let policy = FitPolicy::always(OnFinding::Warn);
    let fitted = Profile::chatgpt().fit(&request, &policy).unwrap();
    assert_eq!(fitted.request, request);
    assert_eq!(fitted.stripped, []);
    assert!(
        fitted
            .warned
            .iter()
            .any(|finding| finding.pointer == "/temperature")
    );
}

#[test]
fn other_servers_are_sent_what_was_asked_for() {
    let request = CreateResponse::new("local")
        .instructions("Be brief.")
        .input([
            InputItem::from("Hi"),
            FunctionCall::new("c", "f", "{}").into(),
        ])
        .temperature(0.5)
        .store(true);
    let fitted = Profile::compatible()
        .fit(&request, &FitPolicy::new())
        .unwrap();
    assert_eq!(fitted.request, request);
    assert_eq!((fitted.stripped.len(), fitted.warned.len()), (0, 0));
    assert_eq!(Profile::compatible().store, Store::Unsupported);
}

#[test]
fn fitting_twice_changes_nothing_more() {
    let json = concat!(
        r#"{"model":"m","instructions":"a","input":"b","user":"c","temperature":1,"service_tier":"fast","#,
        r#""tools":[{"type":"mcp","server_label":"x"}],"reasoning":{"effort":"ultra"},"text":{"verbosity":"huge"}}"#,
    );
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        let once = fit(&profile, json);
        assert_eq!(fit(&profile, &once), once, "{name}");
    }
}
