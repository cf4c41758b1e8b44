//! Responses Lite: what a request becomes, which models get it, and what it forbids.

use codex_types::lint::{FindingCode, Linter};
use codex_types::model_name::{ModelEntry, ModelTable};
use codex_types::profile::{
    Channel, FitPolicy, Identity, LiteUse, OnFinding, Profile, RequestForm, Unfit,
};
use codex_types::{CompactRequest, CreateResponse, ModelCatalog, RawJson};

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

fn lite() -> FitPolicy {
    FitPolicy::new().form(RequestForm::Lite)
}

/// Returns the fit of a request in JSON, with a policy.
fn fit(profile: &Profile, policy: &FitPolicy, text: &str) -> String {
    let fitted = profile.fit_json(&json(text), policy).unwrap();
    fitted.request.to_string()
}

fn refused(unfit: &Unfit) -> Vec<&str> {
    let findings = unfit.findings().iter();
    findings.map(|finding| &*finding.pointer).collect()
}

const REQUEST: &str = concat!(
    r#"{"model":"gpt-6.2-sol","instructions":"Be brief.","input":"What time is it?","stream":true,"#,
    r#""tools":[{"type":"function","name":"now","parameters":{"type":"object"},"strict":false},"#,
    r#"{"type":"namespace","name":"clock","description":"d","tools":[{"type":"function","name":"sleep"}]},"#,
    r#"{"type":"custom","name":"exec"}],"reasoning":{"effort":"low"}}"#,
);

#[test]
fn a_request_becomes_lite() {
    let body = fit(&Profile::chatgpt(), &FitPolicy::new(), REQUEST);
    assert_eq!(
        body,
        concat!(
            r#"{"model":"gpt-6.2-sol","input":["#,
            r#"{"type":"additional_tools","role":"developer","tools":["#,
            r#"{"type":"namespace","name":"functions","description":"","tools":["#,
            r#"{"type":"function","name":"now","parameters":{"type":"object"},"strict":false},"#,
            r#"{"type":"custom","name":"exec"}]},"#,
            r#"{"type":"namespace","name":"clock","description":"d","tools":[{"type":"function","name":"sleep"}]}]},"#,
            r#"{"type":"message","role":"developer","content":[{"type":"input_text","text":"Be brief."}],"#,
            r#""internal_chat_message_metadata_passthrough":{"content_item_metadata":[{"provenance":{"type":"harness","hook":false}}]}},"#,
            r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"What time is it?"}],"#,
            r#""internal_chat_message_metadata_passthrough":{"content_item_metadata":[{"provenance":{"type":"user"}}]}}],"#,
            r#""stream":true,"reasoning":{"effort":"low","context":"all_turns"},"store":false,"#,
            r#""include":["reasoning.encrypted_content"],"parallel_tool_calls":false}"#,
        )
    );
    let linter = Linter::new(Profile::chatgpt());
    assert_eq!(linter.lint_json(&json(&body)).unwrap(), []);
    let again = fit(&Profile::chatgpt(), &FitPolicy::new(), &body);
    assert_eq!(again, body);
}

#[test]
fn the_request_of_the_caller_stays_the_same() {
    let request: CreateResponse = json(REQUEST).decode().unwrap();
    let before = request.clone();
    let fitted = Profile::chatgpt().fit(&request, &FitPolicy::new()).unwrap();
    assert_eq!(request, before);
    assert_eq!(fitted.form, RequestForm::Lite);
    assert_eq!(
        (&fitted.request.tools, &fitted.request.instructions),
        (&None, &None)
    );
    let changed: Vec<_> = fitted.stripped.iter().map(|finding| finding.code).collect();
    for code in [
        FindingCode::ToolsPlacement,
        FindingCode::InstructionsPlacement,
        FindingCode::RequiredValue,
        FindingCode::MissingProvenance,
    ] {
        assert!(changed.contains(&code), "{code} in {changed:?}");
    }
    // The report can be stored, compared and serialized.
    let report = RawJson::encode(&fitted.stripped).unwrap();
    assert!(
        report.as_str().contains(r#""pointer":"/tools""#),
        "{report}"
    );
}

#[test]
fn the_linter_turns_a_request_into_the_same() {
    let (fixed, _) = Linter::new(Profile::chatgpt()).fix(&json(REQUEST)).unwrap();
    let fitted = fit(&Profile::chatgpt(), &FitPolicy::new(), REQUEST);
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parsed(fixed.as_str()), parsed(&fitted));
}

#[test]
fn the_model_chooses_unless_the_caller_does() {
    let chatgpt = Profile::chatgpt();
    let form = |profile: &Profile, policy: FitPolicy| {
        let request = CreateResponse::new("gpt-6.2-sol").input("Hi");
        profile.fit(&request, &policy).unwrap().form
    };
    assert_eq!(form(&chatgpt, FitPolicy::new()), RequestForm::Lite);
    let full = FitPolicy::new().form(RequestForm::Full);
    assert_eq!(form(&chatgpt, full.clone()), RequestForm::Full);
    // Other backends get it only on request.
    for profile in [
        Profile::platform(),
        Profile::compatible(),
        Profile::sign_in_with_chatgpt(),
        Profile::chatgpt_0_120(),
    ] {
        assert_eq!(form(&profile, FitPolicy::new()), RequestForm::Full);
        assert_eq!(form(&profile, lite()), RequestForm::Lite);
    }
    let mut always = Profile::platform();
    always.lite = LiteUse::Always;
    assert_eq!(form(&always, FitPolicy::new()), RequestForm::Lite);
    assert_eq!(form(&always, full), RequestForm::Full);
}

#[test]
fn the_catalog_of_the_backend_decides_about_models() {
    let catalog = r#"{"models":[{"slug":"gpt-9","use_responses_lite":true},{"slug":"gpt-6.2-sol","use_responses_lite":false}]}"#;
    let catalog: ModelCatalog = json(catalog).decode().unwrap();
    let mut models = ModelTable::new();
    models.update(&catalog);
    let form = |models: &ModelTable, model| Profile::chatgpt().form_for(model, models);
    assert_eq!(form(&models, "gpt-9"), RequestForm::Lite);
    assert_eq!(form(&models, "gpt-6.2-sol"), RequestForm::Full);
    assert_eq!(form(&models, "gpt-8"), RequestForm::Full);
    let mut entry = ModelEntry::new("gpt-8");
    entry.responses_lite = Some(true);
    models.insert(entry);
    assert_eq!(form(&models, "gpt-8"), RequestForm::Lite);
    // The linter uses the given table.
    let mut linter = Linter::new(Profile::chatgpt());
    linter.models = models;
    let findings = linter
        .lint(&CreateResponse::new("gpt-9").input("Hi"))
        .unwrap();
    assert!(
        findings
            .iter()
            .any(|finding| finding.code == FindingCode::ToolsPlacement)
    );
}

#[test]
fn what_lite_forbids_fails_by_name() {
    let base = r#"{"model":"gpt-6.2-sol","input":[],"stream":true,"store":false,"include":["reasoning.encrypted_content"],"#;
    for (member, pointer) in [
        (r#""parallel_tool_calls":true"#, "/parallel_tool_calls"),
        (
            r#""reasoning":{"context":"current_turn"}"#,
            "/reasoning/context",
        ),
        (
            r#""tools":[{"type":"function","name":"f"},{"type":"web_search"}]"#,
            "/tools/1",
        ),
        (r#""tools":[{"type":"tool_search"}]"#, "/tools/0"),
        (r#""tools":[{"type":"mcp","server_label":"s"}]"#, "/tools/0"),
        (r#""max_output_tokens":100"#, "/max_output_tokens"),
    ] {
        let body = json(&format!("{base}{member}}}"));
        let unfit = Profile::chatgpt()
            .fit_json(&body, &FitPolicy::new())
            .unwrap_err();
        assert_eq!(refused(&unfit), [pointer]);
        assert!(unfit.to_string().contains(pointer), "{unfit}");
    }
}

#[test]
fn hosted_tools_are_left_out_only_where_the_policy_says_so() {
    let body = r#"{"model":"gpt-6.2-sol","input":[],"tools":[{"type":"web_search"},{"type":"function","name":"f"}]}"#;
    let policy = FitPolicy::new().on(FindingCode::RejectedTool, OnFinding::Strip);
    let fitted = fit(&Profile::chatgpt(), &policy, body);
    assert!(
        fitted.contains(r#""tools":[{"type":"namespace","name":"functions""#),
        "{fitted}"
    );
    assert!(!fitted.contains("web_search"), "{fitted}");
    let policy = FitPolicy::new().on(FindingCode::RejectedTool, OnFinding::Warn);
    let kept = fit(&Profile::chatgpt(), &policy, body);
    assert!(
        kept.contains(r#""tools":[{"type":"web_search"},{"type":"namespace""#),
        "{kept}"
    );
    // A tool that the client runs, and an unknown one, may be useful.
    let body = r#"{"model":"gpt-6.2-sol","input":[],"tools":[{"type":"tool_search","execution":"client"},{"type":"dream"}]}"#;
    let kept = fit(&Profile::chatgpt(), &FitPolicy::new(), body);
    assert!(
        kept.contains(r#""tools":[{"type":"tool_search","execution":"client"},{"type":"dream"}]"#),
        "{kept}"
    );
}

#[test]
fn functions_join_their_namespace() {
    let body = r#"{"model":"m","input":[],"tools":[{"type":"function","name":"a"},{"tools":[{"type":"function","name":"b"}],"type":"namespace","name":"functions","description":"mine"}]}"#;
    let fitted = fit(&Profile::platform(), &lite(), body);
    let tools = r#"[{"type":"namespace","name":"functions","description":"mine","tools":[{"type":"function","name":"b"},{"type":"function","name":"a"}]}]"#;
    assert!(fitted.contains(tools), "{fitted}");
}

#[test]
fn every_full_request_starts_with_its_tools() {
    let starts_with_tools = |body: &str| {
        let fitted = fit(&Profile::platform(), &lite(), body);
        assert!(!fitted.contains(r#""tools":null"#), "{fitted}");
        fitted.contains(r#""input":[{"type":"additional_tools""#)
    };
    assert!(starts_with_tools(r#"{"model":"m","input":"Hi"}"#));
    assert!(starts_with_tools(r#"{"model":"m","tools":null}"#));
    assert!(starts_with_tools(
        r#"{"model":"m","input":[{"type":"compaction","encrypted_content":"x"}],"tools":[]}"#
    ));
    // A request that continues a response has them in its context, unless it contains others.
    let output = r#"{"type":"function_call_output","call_id":"c","output":"o"}"#;
    assert!(!starts_with_tools(&format!(
        r#"{{"model":"m","previous_response_id":"r","input":[{output}]}}"#
    )));
    assert!(starts_with_tools(&format!(
        r#"{{"model":"m","previous_response_id":"r","input":[{output}],"tools":[{{"type":"function","name":"f"}}]}}"#
    )));
}

#[test]
fn a_warm_up_has_an_empty_input() {
    let body = concat!(
        r#"{"type":"response.create","model":"gpt-6.2-sol","instructions":"Be brief.","input":[],"#,
        r#""tools":[{"type":"function","name":"f"}],"generate":false}"#,
    );
    let policy = FitPolicy::new().channel(Channel::WebSocket);
    assert_eq!(
        fit(&Profile::chatgpt(), &policy, body),
        concat!(
            r#"{"type":"response.create","model":"gpt-6.2-sol","input":[],"generate":false,"store":false,"#,
            r#""include":["reasoning.encrypted_content"],"parallel_tool_calls":false,"#,
            r#""reasoning":{"context":"all_turns"},"#,
            r#""client_metadata":{"ws_request_header_x_openai_internal_codex_responses_lite":"true"}}"#,
        )
    );
}

#[test]
fn the_form_is_announced_on_either_channel() {
    const HEADER: &str = "x-openai-internal-codex-responses-lite";
    let identity = Identity::new().thread_id("t").model("gpt-6.2-sol");
    let lite = identity.clone().responses_lite(true);
    for name in Profile::NAMES {
        let profile = Profile::by_name(name).unwrap();
        let has = |channel, identity| {
            let headers = profile.headers_for(channel, identity);
            headers.contains(&(HEADER, "true".into()))
        };
        assert!(has(Channel::Http, &lite), "{name}");
        assert!(!has(Channel::Http, &identity), "{name}");
        assert!(!has(Channel::WebSocket, &lite), "{name}");
    }
    let profile = Profile::chatgpt();
    let headers = profile.headers_for(Channel::Http, &lite);
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "version",
            "x-codex-window-id",
            HEADER,
            "x-codex-routing-hint",
            "x-client-request-id",
            "thread-id"
        ]
    );
    // Over a socket the body announces it, in addition to existing entries.
    let policy = FitPolicy::new().channel(Channel::WebSocket);
    let body = r#"{"model":"gpt-6.2-sol","input":[],"client_metadata":{"a":"b"}}"#;
    let fitted = fit(&profile, &policy, body);
    assert!(
        fitted.contains(r#""client_metadata":{"a":"b","ws_request_header_x_openai_internal_codex_responses_lite":"true"}"#),
        "{fitted}"
    );
}

#[test]
fn images_lose_a_detail_only_where_it_says_nothing() {
    let with = |detail: &str| {
        json(&format!(
            r#"{{"model":"gpt-6.2-sol","input":[{{"role":"user","content":[{{"type":"input_image","image_url":"data:,","detail":"{detail}"}}]}}]}}"#
        ))
    };
    let fitted = Profile::chatgpt()
        .fit_json(&with("auto"), &FitPolicy::new())
        .unwrap();
    assert!(
        !fitted.request.as_str().contains("detail"),
        "{}",
        fitted.request
    );
    let unfit = Profile::chatgpt()
        .fit_json(&with("low"), &FitPolicy::new())
        .unwrap_err();
    assert_eq!(refused(&unfit), ["/input/0/content/0/detail"]);
}

#[test]
fn provenance_that_is_given_stays() {
    let body = concat!(
        r#"{"model":"gpt-6.2-sol","input":[{"role":"user","content":"Hi","internal_chat_message_metadata_passthrough":"#,
        r#"{"turn_id":"t","content_item_metadata":[{"provenance":{"type":"skills"}}]}},"#,
        r#"{"role":"user","content":"Ho","internal_chat_message_metadata_passthrough":{"turn_id":"t"}},"#,
        r#"{"role":"assistant","content":"Ha"}]}"#,
    );
    let fitted = fit(&Profile::chatgpt(), &FitPolicy::new(), body);
    assert!(
        fitted.contains(
            r#"{"turn_id":"t","content_item_metadata":[{"provenance":{"type":"skills"}}]}"#
        ),
        "{fitted}"
    );
    assert!(
        fitted.contains(
            r#"{"turn_id":"t","content_item_metadata":[{"provenance":{"type":"user"}}]}"#
        ),
        "{fitted}"
    );
    assert!(
        fitted.contains(r#"{"role":"assistant","content":"Ha"}"#),
        "{fitted}"
    );
    assert!(
        fitted.contains(r#"{"role":"user","content":[{"type":"input_text","text":"Ho"}],"#),
        "{fitted}"
    );
    // A server that was not observed to accept it does not get it.
    let fitted = fit(
        &Profile::compatible(),
        &lite(),
        r#"{"model":"m","input":"Hi"}"#,
    );
    assert!(!fitted.contains("provenance"), "{fitted}");
}

#[test]
fn a_request_for_compaction_has_the_form_of_its_model() {
    let body = r#"{"model":"gpt-6.2-sol","input":"Hi","instructions":"Be brief.","tools":[{"type":"function","name":"f"}]}"#;
    let request: CompactRequest = json(body).decode().unwrap();
    let fitted = Profile::chatgpt()
        .fit_compact(&request, &FitPolicy::new())
        .unwrap();
    assert_eq!(fitted.form, RequestForm::Lite);
    let text = RawJson::encode(&fitted.request).unwrap();
    assert!(
        text.as_str()
            .contains(r#""input":[{"type":"additional_tools","role":"developer","#),
        "{text}"
    );
    assert!(
        text.as_str().contains(r#""parallel_tool_calls":false"#),
        "{text}"
    );
    for absent in [r#"],"tools""#, "instructions", "store", "stream", "include"] {
        assert!(!text.as_str().contains(absent), "{absent} in {text}");
    }
    // Every other request stays as the caller wrote it.
    let fitted = Profile::platform()
        .fit_compact(&request, &FitPolicy::new())
        .unwrap();
    assert_eq!(
        (fitted.form, &fitted.request),
        (RequestForm::Full, &request)
    );
    let unfit = CompactRequest::new("gpt-6.2-sol")
        .input("Hi")
        .parallel_tool_calls(true);
    let unfit = Profile::chatgpt()
        .fit_compact(&unfit, &FitPolicy::new())
        .unwrap_err();
    assert_eq!(refused(&unfit), ["/parallel_tool_calls"]);
}
