//! The bundled catalog: a file in the shape of the endpoint, dated and without texts.

use codex_types::lint::{FindingCode, Linter, Severity};
use codex_types::model_name::ModelTable;
use codex_types::profile::Profile;
use codex_types::{CreateResponse, Effort, ModelCatalog, Reasoning, ServiceTier};

#[test]
fn it_is_dated_small_and_has_what_a_program_needs() {
    let catalog = ModelCatalog::bundled();
    let date = catalog.fetched_at.as_deref().unwrap();
    assert!(date.len() == 10 && date.starts_with("202"), "{date}");
    assert!(catalog.client_version.is_some());
    assert!(catalog.models.len() > 10);
    for model in &catalog.models {
        let slug = &model.slug;
        assert!(
            model.context_window.is_some_and(|tokens| tokens > 0),
            "{slug}"
        );
        let efforts = model.supported_reasoning_levels.as_ref().unwrap();
        assert!(!efforts.is_empty(), "{slug}");
        assert!(model.input_modalities.is_some(), "{slug}");
        assert!(model.service_tiers.is_some(), "{slug}");
        assert!(model.use_responses_lite.is_some(), "{slug}");
        assert!(model.minimal_client_version.is_some(), "{slug}");
    }
    assert!(include_str!("../data/models.json").len() < 32 << 10);
    // What the example `models` does changes nothing any more.
    assert_eq!(catalog.without_texts(), catalog);
}

#[test]
fn the_built_in_table_knows_its_models() {
    let table = ModelTable::new();
    let entry = table.get("gpt-6.2-sol").unwrap();
    assert_eq!(entry.chatgpt, Some(true));
    assert_eq!(entry.default_effort, Some(Effort::Low));
    assert_eq!(entry.chatgpt_context_window, Some(500_000));
    assert_eq!(entry.accepts("image"), Some(true));
    assert_eq!(entry.accepts("audio"), Some(false));
    assert_eq!(entry.service_tiers, Some(vec![ServiceTier::Priority]));
    assert_eq!(entry.minimal_client_version.as_deref(), Some("0.166.0"));
    assert_eq!(entry.cache_breakpoints, Some(true));
    assert_eq!(table.get("gpt-5.5").unwrap().cache_breakpoints, Some(false));
    // Models of the platform that the catalog does not have keep what is documented.
    assert_eq!(table.get("gpt-4o").unwrap().context_window, Some(128_000));
    assert_eq!(table.is_chatgpt("gpt-4o"), Some(false));
}

#[test]
fn texts_are_left_out_of_a_list() {
    let full = r#"{"models":[{"slug":"some-model","description":"d","base_instructions":"b","unknown":1,
        "model_messages":{"a":"b"},"availability_nux":{"message":"m"},"context_window":7,
        "upgrade":{"model":"other","migration_markdown":"text"},
        "supported_reasoning_levels":[{"effort":"low","description":"d"}],
        "service_tiers":[{"id":"priority","name":"Fast","description":"d"}]}],"etag":"W/1"}"#;
    let catalog = ModelCatalog::from_json(full).unwrap().without_texts();
    let json = codex_types::RawJson::encode(&catalog).unwrap();
    assert_eq!(
        json.as_str(),
        concat!(
            r#"{"models":[{"slug":"some-model","supported_reasoning_levels":[{"effort":"low"}],"#,
            r#""service_tiers":[{"id":"priority","name":"Fast"}],"#,
            r#""upgrade":{"model":"other"},"context_window":7}]}"#,
        )
    );
    assert!(ModelCatalog::from_json("[]").is_err());
}

#[test]
fn sampling_parameters_are_checked_by_model_and_effort() {
    let linter = Linter::new(Profile::platform());
    let found = |model: &str, effort: Option<Effort>, temperature: f64| {
        let mut request = CreateResponse::new(model)
            .input("Hi")
            .temperature(temperature);
        request.reasoning = effort.map(|effort| Reasoning::new().effort(effort));
        let findings = linter.lint(&request).unwrap();
        let codes = findings.iter().filter(|it| it.pointer == "/temperature");
        codes.map(|it| (it.code, it.severity)).collect::<Vec<_>>()
    };
    let refused = [(FindingCode::UnsupportedValue, Severity::Warning)];
    assert_eq!(found("gpt-5", None, 0.3), refused);
    assert_eq!(found("gpt-5.2", Some(Effort::High), 0.3), refused);
    assert_eq!(found("gpt-5.2", Some(Effort::None), 0.3), []);
    assert_eq!(found("gpt-4o", None, 0.3), []);
    // The default value changes nothing, and an unknown model is not judged.
    assert_eq!(found("gpt-5", None, 1.0), []);
    assert_eq!(found("some-model", None, 0.3), []);
}

#[test]
fn a_model_that_a_complete_list_lacks_is_an_error_that_names_the_others() {
    let mut linter = Linter::new(Profile::chatgpt());
    let severity = |linter: &Linter, model: &str| {
        let findings = linter
            .lint(&CreateResponse::new(model).input("Hi"))
            .unwrap();
        let finding = findings.into_iter().find(|it| it.pointer == "/model");
        finding.map(|it| (it.severity, it.message))
    };
    let (level, message) = severity(&linter, "gpt-4o").unwrap();
    assert_eq!(level, Severity::Warning);
    assert!(message.contains("gpt-5.5"), "{message}");
    assert_eq!(severity(&linter, "some-model"), None);

    let listed = r#"{"models":[{"slug":"gpt-7"},{"slug":"gpt-7-mini"}]}"#;
    linter
        .models
        .update(&ModelCatalog::from_json(listed).unwrap());
    for model in ["gpt-4o", "gpt-5.5", "some-model"] {
        let (level, message) = severity(&linter, model).unwrap();
        assert_eq!(level, Severity::Error);
        assert!(
            message.ends_with("it offers gpt-7, gpt-7-mini"),
            "{message}"
        );
    }
    assert_eq!(severity(&linter, "gpt-7"), None);
}

/// The program that makes such a file.
#[path = "../examples/models.rs"]
#[allow(dead_code, reason = "the test calls a part of the program")]
mod program;

#[test]
fn the_program_that_makes_the_file_writes_it_again() {
    let written = program::lines(&ModelCatalog::bundled()).unwrap();
    assert_eq!(written, include_str!("../data/models.json").trim_end());
    let catalog = ModelCatalog::from_json(r#"{"models":[{"slug":"a"},{"slug":"b"}]}"#).unwrap();
    assert_eq!(
        program::lines(&catalog).unwrap(),
        "{\"models\":[\n{\"slug\":\"a\"},\n{\"slug\":\"b\"}\n]}"
    );
}
