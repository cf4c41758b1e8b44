//! A turn that has begun but does not borrow its session yet, so that the session can still replace
//! it.

use core::future::poll_fn;
use std::sync::Arc;

use codex_types::ResponseEvent;
use codex_types::lint::Finding;

use crate::error::Error;
use crate::events::is_visible;
use crate::failure;

use super::idle::IdleSocket;
use super::plan::Plan;
use super::start::{Started, Way, start};
use super::turn::SocketTurn;

/// A turn whose first event has arrived.
pub(crate) struct BegunTurn {
    plan: Arc<Plan>,
    started: Started,
    findings: Vec<Finding>,
}

impl BegunTurn {
    /// Sends the request and waits for the first event.
    pub(super) async fn new(idle: &mut IdleSocket, plan: Plan) -> Result<Self, Error> {
        let plan = Arc::new(plan);
        let open = if plan.wants_socket()? {
            idle.get_mut().take()
        } else {
            None
        };
        match start(plan.clone(), open).await {
            Ok(started) => Ok(Self {
                plan,
                started,
                findings: Vec::new(),
            }),
            Err(error) => {
                plan.observer.over(&error);
                Err(error)
            }
        }
    }

    /// Waits for the first event with visible content, and returns the failure that it reports.
    /// Every event stays to be yielded.
    pub(crate) async fn peek(&mut self) -> Option<Error> {
        let observer = self.plan.observer.clone();
        observer.within(self.started.peek()).await
    }

    pub(crate) fn add_findings(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// Returns the turn, which gives the socket back to the session at its end.
    pub(super) fn attach(self, idle: &mut IdleSocket) -> SocketTurn<'_> {
        let turn = SocketTurn::begun(idle, self.plan, self.started);
        turn.with_findings(self.findings)
    }
}

impl Started {
    async fn peek(&mut self) -> Option<Error> {
        let shows = |event: &ResponseEvent| is_visible(event) || event.is_terminal();
        let mut seen = self.early.iter().filter_map(|item| item.as_ref().ok());
        if let Some(event) = seen.find(|event| shows(event)) {
            return failure::reported(event);
        }
        let reading = match &mut self.way {
            Way::Socket(reading) => reading,
            Way::Http(events) => return events.peek().await,
        };
        while self.early.len() < MAX_PEEKED {
            match poll_fn(|cx| reading.poll_event(cx)).await {
                Ok(item) => {
                    let event = item.as_ref().ok().filter(|event| shows(event));
                    let reported = event.map(failure::reported);
                    self.early.push_back(item);
                    if let Some(failure) = reported {
                        return failure;
                    }
                }
                Err(fault) => {
                    self.broken = Some(fault.into_error());
                    break;
                }
            }
        }
        None
    }
}

/// The maximum number of events that are read before one has visible content.
const MAX_PEEKED: usize = 256;
