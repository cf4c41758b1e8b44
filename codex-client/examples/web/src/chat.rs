//! The conversation: everything here would be the same outside a browser.

use codex_auth::ApiKey;
use codex_client::{Client, Progress, Session, Tools};
use codex_types::{CreateResponse, Reasoning, ReasoningSummary, ResponseEvent};

use crate::Turn;
use crate::page::Settings;
use crate::weather;

/// Begins a conversation with the server that the page names.
pub(crate) fn begin(settings: &Settings) -> Result<Session, String> {
    let mut builder = Client::builder().base_url(&settings.base_url);
    if !settings.token.is_empty() {
        builder = builder.auth(ApiKey::new(&*settings.token).map_err(|error| error.to_string())?);
    }
    let client = builder.build().map_err(|error| error.to_string())?;
    let request = CreateResponse::new(&*settings.model)
        .reasoning(Reasoning::default().summary(ReasoningSummary::Auto));
    Ok(client.session(request))
}

/// Shows the answer to a question while it arrives. Returns a summary of its usage.
pub(crate) async fn answer(
    session: &mut Session,
    question: &str,
    turn: &Turn,
) -> Result<String, String> {
    let tools = Tools::new().function(weather::definition(), weather::current);
    let response = session
        .run_with(&tools, question, |progress| show(turn, &progress))
        .await
        .map_err(|error| error.to_string())?;
    let usage = response.usage.unwrap_or_default();
    Ok(format!(
        "{} tokens in, {} out",
        usage.input_tokens, usage.output_tokens
    ))
}

fn show(turn: &Turn, progress: &Progress<'_>) {
    match progress {
        Progress::Event(ResponseEvent::OutputTextDelta(delta)) => turn.add_answer(delta.delta()),
        Progress::Event(ResponseEvent::RefusalDelta(delta)) => turn.add_answer(delta.delta()),
        Progress::Event(ResponseEvent::ReasoningSummaryTextDelta(delta)) => {
            turn.add_reasoning(delta.delta());
        }
        Progress::Started(call) => turn.add_tool(&format!("{}({})", call.name, call.arguments)),
        _ => {}
    }
}
