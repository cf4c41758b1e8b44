// One lane of a client's WebSocket: requests one after the other, over one conversation with the service.

use std::collections::VecDeque;
use std::sync::Arc;

use codex_client::{CallOptions, SocketSession, TurnEvent};
use codex_types::{ClientEvent, CreateResponse};
use http::StatusCode;
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::guard::Caller;

pub(crate) struct Lane {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) caller: Caller,
    pub(crate) options: CallOptions,
    pub(crate) stream_id: Option<String>,
    pub(crate) out: mpsc::Sender<String>,
}

/// Nobody takes the events any more.
struct Gone;

impl Lane {
    /// Answers until nothing more can come.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<ClientEvent>) {
        let mut session = self.gateway.upstream.socket_session();
        let mut waiting = VecDeque::new();
        loop {
            let event = match waiting.pop_front() {
                Some(event) => Some(event),
                None => next(&mut session, &mut inbox).await,
            };
            let told = match event {
                Some(ClientEvent::Create(request)) => {
                    self.turn(&mut session, *request, &mut inbox, &mut waiting)
                        .await
                }
                Some(_) => self.tell(nothing_to_steer()).await,
                None => return,
            };
            if told.is_err() {
                return;
            }
        }
    }

    async fn turn(
        &self,
        session: &mut SocketSession,
        mut request: CreateResponse,
        inbox: &mut mpsc::Receiver<ClientEvent>,
        waiting: &mut VecDeque<ClientEvent>,
    ) -> Result<(), Gone> {
        // The lanes of the gateway are not those of the service: each has a socket of its own there.
        request.stream_id = None;
        let _place = match self.caller.enter() {
            Ok(place) => place,
            Err(failure) => return self.tell(failure).await,
        };
        let call = session.stream(&request).options(self.options.clone());
        let mut turn = match call.await {
            Ok(turn) => turn,
            Err(error) => return self.tell(Failure::of(&error)).await,
        };
        loop {
            let message = tokio::select! {
                item = turn.next() => match item {
                    Some(Ok(TurnEvent::Response(event))) => {
                        if let Ok(json) = event.to_json() {
                            self.say(json).await?;
                        }
                        continue;
                    }
                    // Restarts were not asked for.
                    Some(Ok(TurnEvent::Restart(_))) => continue,
                    Some(Err(error)) if !error.is_fatal() => continue,
                    Some(Err(error)) => return self.tell(Failure::of(&error)).await,
                    None => return Ok(()),
                },
                Some(message) = inbox.recv() => message,
            };
            match message {
                ClientEvent::Steer(steer) => {
                    if let Err(error) = turn.steer(steer.input).await {
                        self.tell(Failure::of(&error)).await?;
                    }
                }
                ClientEvent::Create(_) if waiting.len() < WAITING => waiting.push_back(message),
                ClientEvent::Create(_) => self.tell(too_many()).await?,
                _ => self.tell(nothing_to_steer()).await?,
            }
        }
    }

    async fn tell(&self, failure: Failure) -> Result<(), Gone> {
        self.say(failure.into_event().to_string()).await
    }

    /// Sends an event, with the name of the lane in it.
    async fn say(&self, mut json: String) -> Result<(), Gone> {
        if let Some(stream_id) = &self.stream_id
            && json.pop() == Some('}')
        {
            // Of such names nothing has to be escaped.
            json.push_str(&format!(r#","stream_id":"{stream_id}"}}"#));
        }
        self.out.send(json).await.map_err(|_| Gone)
    }
}

/// The next message. Until it comes, the socket to the service is kept alive.
async fn next(
    session: &mut SocketSession,
    inbox: &mut mpsc::Receiver<ClientEvent>,
) -> Option<ClientEvent> {
    loop {
        let is_connected = session.is_connected();
        tokio::select! {
            message = inbox.recv() => return message,
            () = session.idle(), if is_connected => {}
        }
    }
}

fn nothing_to_steer() -> Failure {
    Failure::refusal(
        StatusCode::BAD_REQUEST,
        "unsupported_event",
        "the gateway takes response.create, and response.steer while a response is being made",
    )
}

fn too_many() -> Failure {
    Failure::refusal(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "there are as many requests waiting on this lane as the gateway allows",
    )
}

/// Requests that wait for the one before.
const WAITING: usize = 8;
