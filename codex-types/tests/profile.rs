//! What the profiles say, and what fitting a request to them does.

use codex_types::lint::{FindingCode, Severity};
use codex_types::profile::{Channel, FitPolicy, Identity, OnFinding, Profile, Source, Store};
use codex_types::{
    CreateResponse, Effort, FunctionCall, InputItem, Message, RawJson, Reasoning, ServiceTier,
};

fn identity() -> Identity {
    Identity::new()
        .originator("our_client")
        .user_agent("our_client/0.1.0")
        .client_version("9.9.9")
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

/// Returns the fit of a request in JSON, with every possible change.
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
        headers(&Profile::chatgpt_0_171(), Channel::Http),
        [
            "version: 9.9.9",
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
    let headers = headers(&Profile::chatgpt_0_171(), Channel::WebSocket);
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
        // The profile itself has literals and the version with which it was observed.
        let known = |source: &Source| match source {
            Source::Literal(_) => true,
            Source::ClientVersion => profile.client_version.is_some(),
            _ => false,
        };
        let literal = profile
            .headers
            .iter()
            .filter(|header| known(&header.value))
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
fn the_chatgpt_backend_gets_what_it_requires() {
    let json = r#"{"model":"gpt-5.5","instructions":"Be brief.","input":"Hi","temperature":0.2,"user":"u"}"#;
    assert_eq!(
        fit(&Profile::chatgpt_0_171(), json),
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
fn ids_and_status_are_sent_back_by_version() {
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
    let newer = fit(&Profile::chatgpt_0_171(), json);
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
    // A socket continues its own responses.
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
fn an_unknown_parameter_passes_with_a_warning() {
    let body =
        RawJson::parse(r#"{"model":"gpt-5.5","input":[],"invented":{"b":1,"a":2}}"#).unwrap();
    let request: CreateResponse = body.decode().unwrap();
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        for policy in [FitPolicy::new(), FitPolicy::always(OnFinding::Strip)] {
            let fitted = profile.fit(&request, &policy).unwrap();
            assert!(fitted.request.extra.get("invented").is_some(), "{name}");
            let warned: Vec<_> = fitted
                .warned
                .iter()
                .map(|it| (it.code, &*it.pointer))
                .collect();
            // The parameters of a compatible server are not known, so no parameter is reported as
            // unknown.
            let expected: &[_] = match profile.parameters.accepted {
                Some(_) => &[(FindingCode::UnknownParameter, "/invented")],
                None => &[],
            };
            assert_eq!(warned, expected, "{name}");
            let text = profile.fit_json(&body, &policy).unwrap().request;
            assert!(
                text.as_str().contains(r#""invented":{"b":1,"a":2}"#),
                "{name}: {text}"
            );
        }
    }
    // A policy can refuse it.
    let strict = FitPolicy::new().on(FindingCode::UnknownParameter, OnFinding::Fail);
    assert!(Profile::platform().fit(&request, &strict).is_err());
}

#[test]
fn nothing_that_changes_the_response_or_its_price_is_omitted_without_permission() {
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        for parameter in &profile.parameters.refused {
            let body = RawJson::parse(&format!(
                r#"{{"model":"m","input":[],"stream":true,"{parameter}":2}}"#
            ));
            let fitted = profile.fit_json(&body.unwrap(), &FitPolicy::new());
            match &**parameter {
                "metadata" | "safety_identifier" | "user" => {
                    let stripped = fitted.unwrap().stripped;
                    let pointer = format!("/{parameter}");
                    assert!(
                        stripped.iter().any(|it| it.pointer == pointer),
                        "{name} {parameter}"
                    );
                }
                _ => assert!(fitted.is_err(), "{name} {parameter}"),
            }
        }
    }
    for parameter in [
        "max_tokens",
        "stop",
        "seed",
        "response_format",
        "n",
        "reasoning_effort",
    ] {
        let body =
            RawJson::parse(&format!(r#"{{"model":"m","input":"Hi","{parameter}":1}}"#)).unwrap();
        assert!(
            Profile::platform()
                .fit_json(&body, &FitPolicy::new())
                .is_err(),
            "{parameter}"
        );
    }
}

#[test]
fn background_options_are_kept() {
    let request = CreateResponse::new("m")
        .input("Hi")
        .background(true)
        .background_options(RawJson::parse(r#"{"window":"24h"}"#).unwrap());
    let fitted = Profile::platform()
        .fit(&request, &FitPolicy::new())
        .unwrap();
    assert_eq!(fitted.request, request);
    assert_eq!((fitted.stripped, fitted.warned), (Vec::new(), Vec::new()));
}

#[test]
fn the_version_is_that_of_the_profile() {
    let http = |profile: &Profile, identity: &Identity| {
        let headers = profile.headers_for(Channel::Http, identity);
        let version = headers.iter().find(|(name, _)| *name == "version");
        version.map(|(_, value)| value.to_string())
    };
    let mut profile = Profile::chatgpt();
    let nobody = Identity::new();
    assert_eq!(http(&profile, &nobody).as_deref(), Some("0.171.0"));
    assert_eq!(profile.client_version_for(&nobody), Some("0.171.0"));
    let own = Identity::new().client_version("0.180.0");
    assert_eq!(http(&profile, &own).as_deref(), Some("0.180.0"));
    assert_eq!(profile.client_version_for(&own), Some("0.180.0"));
    profile.client_version = Some("0.200.1".into());
    assert_eq!(http(&profile, &nobody).as_deref(), Some("0.200.1"));
    assert_eq!(http(&Profile::platform(), &own), None);
    // The name stays that of the program; backends may check the version next to it.
    profile.user_agent_version = None;
    assert_eq!(profile.user_agent("ours", "1.0.0"), "ours/1.0.0");
    assert_eq!(
        Profile::chatgpt_0_171().user_agent("ours", "1.0.0"),
        "ours/0.171.0"
    );
    assert_eq!(
        Profile::chatgpt_0_120().user_agent("ours", "1.0.0"),
        "ours/0.120.0"
    );
}

#[test]
fn presets_are_dated() {
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        match profile.as_of.as_deref() {
            Some(day) => assert!(day.starts_with("2026-") && day.len() == 10, "{name}: {day}"),
            None => assert_eq!(*name, "compatible"),
        }
    }
}

#[test]
fn the_turn_that_began_it_all_is_named() {
    let metadata = |identity: &Identity| {
        let profile = Profile::chatgpt();
        let entries = profile.client_metadata_for(identity);
        let root = entries.iter().find(|(name, _)| *name == "root_turn_id");
        root.map(|(_, value)| value.to_string())
    };
    let identity = Identity::new().turn_id("turn-2");
    assert_eq!(metadata(&identity).as_deref(), Some("turn-2"));
    assert_eq!(
        metadata(&identity.root_turn_id("turn-1")).as_deref(),
        Some("turn-1")
    );
    assert_eq!(metadata(&Identity::new()), None);
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
fn another_server_may_store_files_unless_it_is_a_known_chat_server() {
    let body = RawJson::parse(
        r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}]}"#,
    )
    .unwrap();
    let fit = |profile: &Profile| profile.fit_json(&body, &FitPolicy::new());
    let fitted = fit(&Profile::compatible()).unwrap();
    assert_eq!(fitted.request, body);
    let unfit = fit(&Profile::by_name("ollama").unwrap()).unwrap_err();
    assert!(unfit.findings()[0].pointer.ends_with("/file_id"));
}

#[test]
fn the_chatgpt_backend_is_not_sent_what_only_the_platform_accepts() {
    for name in ["max_tool_calls", "moderation"] {
        let json = format!(r#"{{"model":"m","input":[],"{name}":1}}"#);
        let body = RawJson::parse(&json).unwrap();
        let unfit = Profile::chatgpt().fit_json(&body, &FitPolicy::new());
        assert_eq!(unfit.unwrap_err().findings()[0].pointer, format!("/{name}"));
        assert!(!fit(&Profile::chatgpt(), &json).contains(name), "{name}");
    }
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

#[test]
fn values_that_change_nothing_are_left_out_of_what_a_backend_refuses() {
    let request: CreateResponse = RawJson::parse(concat!(
        r#"{"model":"m","input":"Hi","background":false,"truncation":"disabled","temperature":1,"#,
        r#""top_p":1.0,"top_logprobs":0}"#,
    ))
    .unwrap()
    .decode()
    .unwrap();
    let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
    let sent = RawJson::encode(&fitted.request).unwrap();
    for name in [
        "background",
        "truncation",
        "temperature",
        "top_p",
        "top_logprobs",
    ] {
        assert!(!sent.as_str().contains(name), "{sent}");
        let pointer = format!("/{name}");
        assert!(
            fitted
                .stripped
                .iter()
                .any(|finding| finding.pointer == pointer)
        );
    }
    let request = request.background(true);
    let unfit = Profile::chatgpt()
        .fit(&request, &FitPolicy::new())
        .unwrap_err();
    assert_eq!(unfit.findings()[0].pointer, "/background");
}
