//! The linter against a corpus: the required diagnostics, no others, and fixes that work.

use codex_types::lint::{Finding, Linter, Pairing, Severity, apply, close_schema};
use codex_types::profile::{Channel, Profile, RequestForm};
use codex_types::{CreateResponse, FunctionCall, InputItem, Map, RawJson};

/// A line of the corpus.
struct Case {
    name: String,
    linter: Linter,
    request: RawJson,
    previous: Option<RawJson>,
    /// The code and pointer of each diagnostic, sorted.
    findings: Vec<String>,
}

fn cases(file: &str) -> Vec<Case> {
    let path = format!(
        "{}/../testdata/lint/{file}.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(case).collect()
}

fn case(line: &str) -> Case {
    let line: Map<RawJson> = RawJson::parse(line).unwrap().decode().unwrap();
    let text = |key: &str| line.get(key).unwrap().decode::<String>().unwrap();
    let expected: Vec<Map<String>> = line
        .get("findings")
        .map_or(Vec::new(), |findings| findings.decode().unwrap());
    let mut findings: Vec<String> = expected
        .iter()
        .map(|finding| {
            format!(
                "{} {}",
                finding.get("code").unwrap(),
                finding.get("pointer").unwrap()
            )
        })
        .collect();
    findings.sort();
    let mut linter = Linter::new(Profile::by_name(&text("profile")).unwrap());
    if line.get("channel").is_some() {
        assert_eq!(text("channel"), "websocket");
        linter = linter.channel(Channel::WebSocket);
    }
    if line.get("form").is_some() {
        let forms = [("full", RequestForm::Full), ("lite", RequestForm::Lite)];
        let (_, form) = forms
            .iter()
            .find(|(name, _)| *name == text("form"))
            .unwrap();
        linter = linter.form(*form);
    }
    Case {
        name: text("name"),
        linter,
        request: line.get("request").unwrap().clone(),
        previous: line.get("previous").cloned(),
        findings,
    }
}

impl Case {
    fn lint(&self) -> Vec<String> {
        let found = match &self.previous {
            Some(previous) => self.linter.lint_next(previous, &self.request),
            None => self.linter.lint_json(&self.request),
        };
        keys(&found.unwrap())
    }
}

fn keys(findings: &[Finding]) -> Vec<String> {
    let mut keys: Vec<String> = findings
        .iter()
        .map(|one| format!("{} {}", one.code, one.pointer))
        .collect();
    keys.sort();
    keys
}

fn json(text: &str) -> RawJson {
    RawJson::parse(text).unwrap()
}

#[test]
fn faults_are_reported() {
    let cases = cases("invalid");
    assert!(cases.len() >= 60, "{}", cases.len());
    for case in cases {
        assert_eq!(case.lint(), case.findings, "{}", case.name);
    }
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let cases = cases("valid");
    assert!(cases.len() >= 200, "{}", cases.len());
    for case in cases {
        assert_eq!(case.lint(), [""; 0], "{}", case.name);
    }
}

#[test]
fn each_fix_makes_its_finding_go_away() {
    let mut fixed = 0;
    for case in cases("invalid") {
        for finding in case.linter.lint_json(&case.request).unwrap() {
            let Some(fix) = &finding.fix else { continue };
            let changed = apply(&case.request, &fix.edits).unwrap();
            let after = keys(&case.linter.lint_json(&changed).unwrap());
            let key = format!("{} {}", finding.code, finding.pointer);
            assert!(
                !after.contains(&key),
                "{}: {key} is still there in {changed}",
                case.name
            );
            fixed += 1;
        }
    }
    assert!(fixed >= 60, "{fixed}");
}

#[test]
fn all_fixes_together_leave_only_what_cannot_be_fixed() {
    for case in cases("invalid") {
        let (body, _) = case.linter.fix(&case.request).unwrap();
        let left = case.linter.lint_json(&body).unwrap();
        assert!(
            left.iter().all(|finding| finding.fix.is_none()),
            "{}: {left:?}",
            case.name
        );
        let again = case.linter.fix(&body).unwrap();
        assert_eq!(again, (body, Vec::new()), "{}", case.name);
    }
}

#[test]
fn fixes_leave_the_rest_of_the_text_alone() {
    let body = json(
        r#"{"model": "m", "input": [{"role":"user","content":"\u0041"}, {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}], "temperature": 1.50, "x": {"b":1,"a":2}}"#,
    );
    let (fixed, _) = Linter::new(Profile::compatible()).fix(&body).unwrap();
    assert_eq!(
        fixed.as_str(),
        r#"{"model":"m","input":[{"role":"user","content":"\u0041"}],"temperature":1.50,"x":{"b":1,"a":2}}"#
    );
}

#[test]
fn pairs_are_repaired_by_policy() {
    let body = json(
        r#"{"model":"m","input":[{"type":"function_call","call_id":"a","name":"f","arguments":"{\"x\":1}"},{"type":"function_call_output","call_id":"b","output":"done"},{"role":"user","content":"go on"}]}"#,
    );
    let linter = Linter::new(Profile::platform());
    let fix = |pairing| {
        linter
            .clone()
            .pairing(pairing)
            .fix(&body)
            .unwrap()
            .0
            .to_string()
    };
    assert_eq!(fix(Pairing::Report), body.as_str());
    assert_eq!(
        fix(Pairing::Drop),
        r#"{"model":"m","input":[{"role":"user","content":"go on"}]}"#
    );
    assert_eq!(
        fix(Pairing::Convert),
        concat!(
            r#"{"model":"m","input":[{"type":"message","role":"assistant","#,
            r#""content":"[called f with {\"x\":1}; it gave nothing back]"},"#,
            r#"{"type":"message","role":"user","content":"[a tool called earlier gave back: done]"},"#,
            r#"{"role":"user","content":"go on"}]}"#,
        )
    );
}

#[test]
fn calls_in_flight_are_no_mistake() {
    let items = [
        InputItem::from("Hi"),
        FunctionCall::new("call_1", "f", "{}").into(),
    ];
    let request = CreateResponse::new("m").input(items);
    let linter = Linter::new(Profile::platform());
    assert_eq!(linter.lint(&request).unwrap()[0].severity, Severity::Error);
    assert_eq!(linter.in_flight(["call_1"]).lint(&request).unwrap(), []);
}

#[test]
fn a_socket_may_warm_up_and_continue() {
    let linter = Linter::new(Profile::chatgpt()).channel(Channel::WebSocket);
    let warm_up = json(
        r#"{"type":"response.create","model":"gpt-5.5","input":[],"generate":false,"store":false,"include":["reasoning.encrypted_content"]}"#,
    );
    assert_eq!(linter.lint_json(&warm_up).unwrap(), []);
}

#[test]
fn what_is_not_decided_yet_is_not_wrong() {
    let request = CreateResponse::new("gpt-5.5")
        .input([InputItem::from("Hi")])
        .store(false)
        .include([codex_types::Include::ReasoningEncryptedContent]);
    assert_eq!(Linter::new(Profile::chatgpt()).lint(&request).unwrap(), []);
}

#[test]
fn findings_say_nothing_of_what_was_said() {
    let body = json(
        r#"{"model":"m","input":[{"type":"function_call_output","call_id":"c","output":"canary-7f3a"},{"role":"robot","content":"canary-7f3a"}]}"#,
    );
    for finding in Linter::new(Profile::platform()).lint_json(&body).unwrap() {
        assert!(!finding.message.contains("canary"), "{finding}");
    }
}

#[test]
fn a_closed_schema_is_strict_at_every_depth() {
    let open = json(
        r##"{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"array","items":{"type":"object","properties":{"c":{"enum":["x"]},"d":{"$ref":"#/$defs/e"}}}}}}},"$defs":{"e":{"type":"object","properties":{"f":{"type":["string","null"]}},"required":["g"]}}}"##,
    );
    let closed = close_schema(&open).unwrap();
    assert_eq!(closed.remaining, []);
    assert_eq!(close_schema(&closed.schema).unwrap().fixed, []);
    assert!(
        closed
            .schema
            .as_str()
            .contains(r#""c":{"anyOf":[{"enum":["x"]},{"type":"null"}]}"#),
        "{}",
        closed.schema
    );
    assert!(
        closed.schema.as_str().contains(r#""required":["f"]"#),
        "{}",
        closed.schema
    );
}

#[test]
fn what_cannot_be_closed_is_reported() {
    let open = json(r#"{"type":"object","properties":{"a":{"oneOf":[{"type":"string"}]}}}"#);
    let closed = close_schema(&open).unwrap();
    let left = keys(&closed.remaining);
    assert_eq!(left, ["unsupported_keyword /properties/a/anyOf/0/oneOf"]);
}
