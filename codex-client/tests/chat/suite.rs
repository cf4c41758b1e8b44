//! The same conversation on every known server: tools, follow-ups, faults, and a restart of the
//! program.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex_client::sse::Update;
use codex_client::transport::RetryPolicy;
use codex_client::types::profile::{ChatDialect, Profile, Wire};
use codex_client::types::{
    CreateResponse, CustomTool, Effort, FunctionTool, InputItem, Message, OutputItem, RawJson,
    Reasoning, Streaming,
};
use codex_client::{Client, Session, Tools};
use serde::Deserialize;

use crate::chat::upstream::{self, FREE_TEXT, Fault, THOUGHT};

#[derive(Deserialize)]
struct City {
    city: String,
}

fn tools(inputs: &Arc<Mutex<Vec<String>>>) -> Tools {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#;
    let weather = FunctionTool::new("weather", RawJson::parse(schema).expect("a schema"), true);
    let (first, second) = (inputs.clone(), inputs.clone());
    Tools::new()
        .function(weather, move |arguments: City| {
            first.lock().expect("a lock").push(arguments.city.clone());
            async move { Ok::<_, String>(format!("rain in {}", arguments.city)) }
        })
        .custom(CustomTool::new("note"), move |input: String| {
            second.lock().expect("a lock").push(input);
            async move { Ok::<_, String>("noted") }
        })
}

pub fn client_for(dialect: &ChatDialect, url: String) -> Client {
    let mut profile = Profile::chat_server(dialect.clone());
    profile.wire = Wire::ChatCompletions;
    let mut retry = RetryPolicy::default();
    retry.base = Duration::from_millis(1);
    Client::builder()
        .base_url(url)
        .profile(profile)
        .retry(retry)
        .build()
        .expect("a client")
}

fn thoughts(session: &Session) -> usize {
    let is_thought = |item: &&InputItem| match item {
        InputItem::Reasoning(item) => {
            let mut parts = item.content.iter().flatten();
            parts.next().and_then(|part| part.as_text()) == Some(THOUGHT)
        }
        _ => false,
    };
    session.history().filter(is_thought).count()
}

#[tokio::test]
async fn a_conversation_works_on_every_server() {
    for name in ChatDialect::NAMES {
        let dialect = ChatDialect::by_name(name).expect("a row");
        let (server, refused, faults) = upstream::start(dialect.clone());
        let client = client_for(&dialect, server.url("/v1"));
        let inputs = Arc::new(Mutex::new(Vec::new()));
        let tools = tools(&inputs);
        let mut settings = CreateResponse::new("some-model")
            .instructions("Be brief.")
            .reasoning(Reasoning::new().effort(Effort::Low))
            .input([Message::developer("This is a test.").into()])
            .parallel_tool_calls(true)
            .max_output_tokens(100)
            .prompt_cache_key("key")
            .store(false);
        settings.tools = Some(tools.definitions().cloned().collect());
        let mut session = client.session(settings);
        let check = |refused: &upstream::Refused| {
            assert_eq!(*refused.lock().expect("a lock"), [""; 0], "{name}");
        };

        // Two calls at once, and their outputs.
        let response = session.run_with(&tools, "How is it?", |_| {}).await;
        check(&refused);
        let response = response.expect(name);
        assert_eq!(response.output_text(), "All is well.", "{name}");
        assert_eq!(
            *inputs.lock().expect("a lock"),
            ["Oslo", FREE_TEXT],
            "{name}"
        );
        assert_eq!(session.usage().total_tokens, 30, "{name}");
        assert_eq!(thoughts(&session), 2, "{name}");

        // The next turn, after faults.
        faults
            .lock()
            .expect("a lock")
            .extend([Fault::ErrorChunk, Fault::Cut, Fault::Status(503)]);
        let response = session.run(&tools, "And now?").await;
        check(&refused);
        assert_eq!(
            response.expect(name).output_text(),
            "All is well.",
            "{name}"
        );

        // The program restarts, without tools.
        let saved = session.to_json().expect(name);
        let mut session = Session::from_json(&client, &saved).expect(name);
        session.settings_mut().tools = None;
        let mut turn = session.turn("Thank you.").await.expect(name);
        let mut shown = String::new();
        while let Some(update) = turn.next_update().await {
            if let Update::Text { delta, .. } = update.expect(name) {
                shown.push_str(delta);
            }
        }
        check(&refused);
        drop(turn);
        assert_eq!(shown, "All is well.", "{name}");

        // The response is a single document.
        let turn = session.ask("Once more.").streaming(Streaming::No);
        let response = turn.await.expect(name);
        check(&refused);
        assert_eq!(response.output_text(), "All is well.", "{name}");
        let first = response.output.first().expect("an item");
        assert!(matches!(first, OutputItem::Reasoning(_)), "{name}");
    }
}
