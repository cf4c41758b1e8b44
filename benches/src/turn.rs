//! One more turn of a long conversation, over transports in memory, compared with the work of other
//! clients.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::sync::Arc;

use async_openai::types::responses as peer;
use bytes::Bytes;
use codex_client::transport::{
    Body, Error, HttpTransport, Socket, Upgrade, WsConnection, WsTransport,
};
use codex_client::{Client, Session, SocketSession, SocketSettings};
use codex_types::profile::{LiteUse, Profile};
use codex_types::{
    CreateResponse, FunctionCall, FunctionTool, Include, InputItem, Message, OutputMessage,
    PreparedInput, RawJson, Reasoning, ReasoningItem, Streaming,
};
use http::Request;
use tokio::runtime::{Builder, Runtime};

use crate::workload::Random;

/// The client and the transport of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names describe the variants")]
pub enum Way {
    HttpPlatform,
    HttpChatgpt,
    HttpLite,
    SocketPlatform,
    SocketChatgpt,
    /// A history that begins with a computer call without a screenshot, which cannot be sent.
    SocketRepaired,
    /// A socket without a session: the caller keeps a prepared input.
    SocketAlone,
    /// Clones the request and writes it, as callers must if a method takes the request by value.
    AsyncOpenai,
    /// Clones and writes a request that is a tree of JSON values.
    Value,
}

impl Way {
    /// All of them, ours first.
    pub const ALL: [Self; 9] = [
        Self::HttpPlatform,
        Self::HttpChatgpt,
        Self::HttpLite,
        Self::SocketPlatform,
        Self::SocketChatgpt,
        Self::SocketRepaired,
        Self::SocketAlone,
        Self::AsyncOpenai,
        Self::Value,
    ];

    /// The name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpPlatform => "HTTP, platform",
            Self::HttpChatgpt => "HTTP, ChatGPT",
            Self::HttpLite => "HTTP, Lite",
            Self::SocketPlatform => "WebSocket, platform",
            Self::SocketChatgpt => "WebSocket, ChatGPT",
            Self::SocketRepaired => "WebSocket, platform, a repaired history",
            Self::SocketAlone => "WebSocket, platform, without a session",
            Self::AsyncOpenai => "async-openai 0.43.0, clone and serialize",
            Self::Value => "serde_json::Value, clone and serialize",
        }
    }

    /// Creates a conversation with this history, ready for its next turn.
    ///
    /// # Panics
    ///
    /// Panics if a turn fails, or sends anything but the whole history over HTTP or the new items
    /// over a socket.
    pub fn conversation(self, history: &[InputItem]) -> Conversation {
        let mut history = history.to_vec();
        if self == Self::SocketRepaired {
            let call = r#"{"type":"computer_call","call_id":"call_screen","status":"completed","pending_safety_checks":[]}"#;
            let call = RawJson::parse(call).and_then(|call| call.decode());
            history.insert(0, call.expect("an item"));
        }
        let request = settings().input(history.clone());
        let body = request.to_json(Streaming::Yes).expect("it can be written");
        let length = body.len() as u64;
        let talk = match self {
            Self::HttpPlatform => Talk::session(request, Profile::platform(), Some(length)),
            Self::HttpChatgpt => Talk::session(request, Profile::chatgpt(), Some(length)),
            Self::HttpLite => Talk::session(request, lite(), Some(length)),
            Self::SocketPlatform | Self::SocketRepaired => {
                Talk::session(request, Profile::platform(), None)
            }
            Self::SocketChatgpt => Talk::session(request, Profile::chatgpt(), None),
            Self::SocketAlone => Talk::alone(settings(), &history),
            Self::AsyncOpenai => Talk::Peer(serde_json::from_str(&body).expect("a request")),
            Self::Value => Talk::Value(serde_json::from_str(&body).expect("a request")),
        };
        let mut conversation = Conversation(talk);
        // The one-time work comes first: the connection, and the first message of a socket.
        conversation.turn();
        conversation.turn();
        conversation
    }
}

/// A conversation that takes one turn after another.
pub struct Conversation(Talk);

#[expect(clippy::large_enum_variant, reason = "a benchmark holds one of them")]
enum Talk {
    Session {
        session: Session,
        runtime: Runtime,
        memory: Memory,
        /// The minimum number of bytes that a turn sends; `None` over a socket, where it sends few.
        at_least: Option<u64>,
    },
    Alone {
        socket: SocketSession,
        settings: CreateResponse,
        history: PreparedInput,
        runtime: Runtime,
        memory: Memory,
    },
    Peer(peer::CreateResponse),
    Value(serde_json::Value),
}

impl Conversation {
    /// Takes one turn: adds a question to the history, sends it, and adds the response.
    pub fn turn(&mut self) {
        match &mut self.0 {
            Talk::Session {
                session,
                runtime,
                memory,
                at_least,
            } => {
                let before = memory.sent();
                let response = runtime.block_on(async { session.ask("And the next one?").await });
                assert_eq!(response.expect("it is answered").output_text(), ANSWER);
                let sent = memory.sent() - before;
                match at_least {
                    Some(length) => assert!(sent >= *length / 10 * 9, "{sent} of {length} bytes"),
                    // The first message of a socket is the whole request.
                    None => assert!(
                        memory.turns() < 2 || sent < SMALL,
                        "{sent} bytes in one message"
                    ),
                }
            }
            Talk::Alone {
                socket,
                settings,
                history,
                runtime,
                memory,
            } => {
                let before = memory.sent();
                history.push(Message::user("And the next one?"));
                let request = settings.clone().input(&*history);
                let response = runtime.block_on(async { socket.create(&request).await });
                let response = response.expect("it is answered");
                history.extend(response.to_input());
                assert_eq!(response.output_text(), ANSWER);
                let sent = memory.sent() - before;
                assert!(memory.turns() < 2 || sent < SMALL, "{sent} bytes");
            }
            Talk::Peer(request) => {
                let request = black_box(&*request).clone();
                black_box(serde_json::to_string(&request).expect("it can be written"));
            }
            Talk::Value(request) => {
                let request = black_box(&*request).clone();
                black_box(serde_json::to_string(&request).expect("it can be written"));
            }
        }
    }
}

impl Talk {
    fn session(settings: CreateResponse, profile: Profile, at_least: Option<u64>) -> Self {
        let memory = Memory::default();
        let client = memory.client(profile);
        let session = client.session(settings);
        let session = match at_least {
            Some(_) => session,
            None => session.over_sockets(SocketSettings::default()),
        };
        Self::Session {
            session,
            runtime: runtime(),
            memory,
            at_least,
        }
    }

    fn alone(settings: CreateResponse, history: &[InputItem]) -> Self {
        let memory = Memory::default();
        Self::Alone {
            socket: memory.client(Profile::platform()).socket_session(),
            settings,
            history: history.iter().cloned().collect(),
            runtime: runtime(),
            memory,
        }
    }
}

impl core::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Conversation").finish_non_exhaustive()
    }
}

/// Creates the history of an agent of about this many bytes of JSON: a question, then reasoning,
/// tool calls with outputs of several kilobytes, and messages.
pub fn history(bytes: usize) -> Vec<InputItem> {
    let mut random = Random::new(5);
    let mut items = Vec::new();
    let mut size = 0;
    let mut words = |count: usize| {
        let words: Vec<String> = (0..count).map(|_| random.word()).collect();
        words.join(" ").replace("a ", "a\n").replace("b ", "\"b\" ")
    };
    for number in 0.. {
        if size >= bytes {
            break;
        }
        let reasoning = ReasoningItem::new([])
            .id(format!("rs_{number}"))
            .encrypted_content(words(120).replace([' ', '\n', '"'], ""));
        let path = RawJson::string(&words(2));
        let call = FunctionCall::new(
            format!("call_{number}"),
            "read_file",
            format!(r#"{{"path":{path}}}"#),
        )
        .id(format!("fc_{number}"));
        let output = call.output(words(400));
        let batch: [InputItem; 5] = [
            Message::user(words(30)).into(),
            reasoning.into(),
            call.into(),
            output.into(),
            OutputMessage::text(format!("msg_{number}"), words(60)).into(),
        ];
        for item in batch {
            size += RawJson::encode(&item).expect("an item").as_str().len() + 1;
            items.push(item);
        }
    }
    items
}

fn lite() -> Profile {
    let mut profile = Profile::chatgpt();
    profile.lite = LiteUse::Always;
    profile
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}

fn settings() -> CreateResponse {
    let schema = r#"{"type":"object","properties":{"path":{"type":"string","description":"Relative to the working directory."}},"required":["path"],"additionalProperties":false}"#;
    let schema = RawJson::parse(schema).expect("JSON");
    let tools: Vec<_> = (0..12)
        .map(|number| FunctionTool::new(format!("tool_{number}"), schema.clone(), true).into())
        .collect();
    CreateResponse::new("gpt-5.5")
        .instructions("Answer briefly, and use the tools where they help.")
        .tools(tools)
        .reasoning(Reasoning::new().effort("medium").summary("auto"))
        .include([Include::ReasoningEncryptedContent])
        .store(false)
}

/// A server in memory that counts the bytes that it receives and sends the same response to every
/// request.
#[derive(Clone, Default)]
struct Memory(Arc<Counters>);

#[derive(Default)]
struct Counters {
    turns: AtomicU64,
    sent: AtomicU64,
}

impl Memory {
    fn client(&self, profile: Profile) -> Client {
        Client::builder()
            .base_url("http://127.0.0.1:1/v1")
            .profile(profile)
            .transport(self.clone())
            .websocket(self.clone())
            .build()
            .expect("a client")
    }

    fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    fn turns(&self) -> u64 {
        self.0.turns.load(Ordering::Relaxed)
    }

    /// Returns the events of the response to a body.
    fn answer(&self, body: &Bytes) -> [String; 4] {
        self.0.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
        let number = self.0.turns.fetch_add(1, Ordering::Relaxed);
        let item = format!(
            r#"{{"type":"message","id":"msg_n{number}","role":"assistant","status":"completed","content":[{{"type":"output_text","text":"{ANSWER}","annotations":[]}}]}}"#
        );
        [
            format!(
                r#"{{"type":"response.created","sequence_number":0,"response":{{"id":"resp_{number}","status":"in_progress","output":[]}}}}"#
            ),
            format!(
                r#"{{"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_n{number}","output_index":0,"content_index":0,"delta":"{ANSWER}"}}"#
            ),
            format!(
                r#"{{"type":"response.output_item.done","sequence_number":2,"output_index":0,"item":{item}}}"#
            ),
            format!(
                r#"{{"type":"response.completed","sequence_number":3,"response":{{"id":"resp_{number}","status":"completed","output":[{item}]}}}}"#
            ),
        ]
    }
}

impl HttpTransport for Memory {
    async fn send(&self, request: Request<Bytes>) -> Result<http::Response<Body>, Error> {
        let events = self.answer(request.body());
        let body: String = events
            .iter()
            .map(|event| format!("data: {event}\n\n"))
            .collect();
        let mut response = http::Response::new(Body::from(body));
        let kind = http::HeaderValue::from_static("text/event-stream");
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, kind);
        Ok(response)
    }
}

impl WsTransport for Memory {
    async fn connect(&self, _: Request<()>) -> Result<Upgrade, Error> {
        let socket = Messages {
            memory: self.clone(),
            waiting: VecDeque::new(),
        };
        let mut response = http::Response::new(());
        *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        Ok(Upgrade::Accepted(WsConnection::new(socket), response))
    }
}

struct Messages {
    memory: Memory,
    waiting: VecDeque<String>,
}

impl Socket for Messages {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match self.waiting.pop_front() {
            Some(message) => Poll::Ready(Some(Ok(message.into()))),
            None => Poll::Pending,
        }
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        self.waiting.extend(self.memory.answer(&text));
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: u16) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

const ANSWER: &str = "The next one is there as well.";
/// An upper bound of the settings and the new items of a turn.
const SMALL: u64 = 16 << 10;
