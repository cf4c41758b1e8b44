//! Translates between Chat Completions and Responses, from standard input to standard output.
//!
//! ```text
//! translate request                  chat request → Responses request
//! translate response                 response → chat completion
//! translate request-back [--developer-as-system] [--lenient]
//!                                    Responses request → chat request
//! translate response-back            chat completion → response
//! ```
//!
//! Input is JSON, one value per line or otherwise separated by white space; output is one line for
//! each. `--developer-as-system` writes the role `developer` as `system`; `--lenient` omits
//! everything that has no counterpart, with a message on standard error. A value that cannot be
//! translated becomes an error line and a message on standard error that names the parameter, and
//! the exit status is then not 0. A failed response is not a failure of the program: its error line
//! is its translation. Streams are translated by the example `chat` of codex-sse.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program prints"
)]

use std::io::Read;
use std::process::ExitCode;

use codex_types::chat::translate::{
    AnswerOptions, RequestOptions, TranslateError, chat_error_body, to_chat_request,
    to_chat_response, to_response, to_responses_request,
};
use codex_types::chat::{ChatRequest, ChatResponse};
use codex_types::{ApiError, CreateResponse, RawJson, Response};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["request"] => each(request),
        ["response"] => each(response),
        ["request-back", flags @ ..] => request_options(flags)
            .and_then(|options| each(|request| request_back(request, &options))),
        ["response-back"] => each(response_back),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("translate: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn core::error::Error>;

const USAGE: &str = "usage: translate request|response|\
    request-back [--developer-as-system] [--lenient]|response-back";

fn request_options(flags: &[&str]) -> Result<RequestOptions, Failure> {
    let mut options = RequestOptions::new();
    for flag in flags {
        options = match *flag {
            "--developer-as-system" => options.developer_as_system(true),
            "--lenient" => options.lenient(),
            _ => return Err(USAGE.into()),
        };
    }
    Ok(options)
}

fn request(json: &RawJson) -> Result<String, Failure> {
    let chat: ChatRequest = json.decode()?;
    let translated = to_responses_request(&chat, &RequestOptions::new())?;
    for finding in &translated.findings {
        eprintln!("translate: {finding}");
    }
    Ok(RawJson::encode(&translated.request)?
        .to_compact()
        .into_owned())
}

fn response(json: &RawJson) -> Result<String, Failure> {
    let response: Response = json.decode()?;
    Ok(match to_chat_response(&response, &AnswerOptions::new()) {
        Ok(completion) => RawJson::encode(&completion)?.to_compact().into_owned(),
        Err(error) => chat_error_body(&error).to_string(),
    })
}

fn request_back(json: &RawJson, options: &RequestOptions) -> Result<String, Failure> {
    let request: CreateResponse = json.decode()?;
    let translated = to_chat_request(&request, options)?;
    for finding in &translated.findings {
        eprintln!("translate: {finding}");
    }
    Ok(RawJson::encode(&translated.request)?
        .to_compact()
        .into_owned())
}

fn response_back(json: &RawJson) -> Result<String, Failure> {
    let completion: ChatResponse = json.decode()?;
    let response = to_response(&completion)?;
    Ok(RawJson::encode(&response)?.to_compact().into_owned())
}

/// Translates one value after another. Returns false if one of them could not be translated.
fn each(translate: impl Fn(&RawJson) -> Result<String, Failure>) -> Result<bool, Failure> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let mut is_good = true;
    for value in serde_json::Deserializer::from_str(&input).into_iter::<RawJson>() {
        match translate(&value?) {
            Ok(line) => println!("{line}"),
            Err(error) => {
                is_good = false;
                eprintln!("translate: {error}");
                let error = match error.downcast_ref::<TranslateError>() {
                    Some(error) => error.to_api_error(),
                    None => ApiError::new("invalid_value", error.to_string()),
                };
                println!("{}", chat_error_body(&error));
            }
        }
    }
    Ok(is_good)
}
