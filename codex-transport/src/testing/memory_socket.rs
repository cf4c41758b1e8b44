//! Plays the steps of an answer as WebSocket messages, in memory.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::testing::answer::{Answer, Cut, Step};
use crate::testing::gate::Gate;
use crate::testing::record::RecordedMessage;
use crate::testing::script::Stage;
use crate::ws::connection::Socket;

pub(super) struct MemorySocket {
    steps: VecDeque<Step>,
    stage: Stage,
    // Sent messages for which no step has waited yet.
    unread: usize,
    wait: Option<Wait>,
    waker: Option<Waker>,
    ended: bool,
}

enum Wait {
    Sleep(Pin<Box<tokio::time::Sleep>>),
    Gate(Gate),
    Message,
    Forever,
}

impl MemorySocket {
    pub(super) fn new(answer: &Answer, stage: Stage) -> Self {
        let steps = answer.steps.iter().cloned().collect();
        Self {
            steps,
            stage,
            unread: 0,
            wait: None,
            waker: None,
            ended: false,
        }
    }

    fn end(
        &mut self,
        result: Option<ErrorKind>,
        code: Option<u16>,
    ) -> Poll<Option<Result<Bytes, Error>>> {
        self.ended = true;
        Poll::Ready(result.map(|kind| {
            let error = Error::new(kind, Phase::Body, Sent::Maybe);
            Err(match code {
                Some(code) => error.with_close_code(code),
                None => error,
            })
        }))
    }
}

impl Socket for MemorySocket {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        loop {
            match &mut self.wait {
                None => {}
                Some(Wait::Sleep(sleep)) => ready!(sleep.as_mut().poll(cx)),
                Some(Wait::Gate(gate)) => ready!(gate.poll_open(cx)),
                Some(Wait::Message) if self.unread > 0 => self.unread -= 1,
                Some(Wait::Message | Wait::Forever) => {
                    self.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            self.wait = None;
            match self.steps.pop_front() {
                Some(Step::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Step::Event(json)) => return Poll::Ready(Some(Ok(json.into()))),
                Some(Step::Comment(_)) => {}
                Some(Step::Pause(period)) => {
                    self.wait = Some(Wait::Sleep(Box::pin(tokio::time::sleep(period))))
                }
                Some(Step::Gate(gate)) => {
                    gate.arrive();
                    self.wait = Some(Wait::Gate(gate));
                }
                Some(Step::Receive) => self.wait = Some(Wait::Message),
                Some(Step::Stall | Step::Cut(Cut::Stall)) | None => self.wait = Some(Wait::Forever),
                Some(Step::Cut(Cut::Reset)) => {
                    return self.end(Some(ErrorKind::ConnectionLost), None);
                }
                // In memory there is no wire whose bytes could be counted; the cut comes before the
                // next message.
                Some(Step::Cut(_) | Step::CutAfter(..)) => {
                    return self.end(Some(ErrorKind::Truncated), None);
                }
                Some(Step::Close(1000)) => return self.end(None, None),
                Some(Step::Close(code)) => return self.end(Some(ErrorKind::Closed), Some(code)),
                // The message is not text, so it is not allowed.
                Some(Step::Binary(_) | Step::Raw(_)) => {
                    return self.end(Some(ErrorKind::Protocol), None);
                }
            }
        }
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended {
            return Poll::Ready(Err(Error::new(ErrorKind::Truncated, Phase::Send, Sent::No)));
        }
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, text: Bytes) -> Result<(), Error> {
        if let Err(error) = core::str::from_utf8(&text) {
            return Err(
                Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No).with_source(error),
            );
        }
        self.stage.record_message(RecordedMessage {
            connection: 0,
            text,
            at: Instant::now(),
        });
        self.unread += 1;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, code: u16) -> Poll<Result<(), Error>> {
        self.ended = true;
        self.stage.count_closed(Some(code));
        Poll::Ready(Ok(()))
    }
}
