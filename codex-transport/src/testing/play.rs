//! Plays the steps of an answer as a body, over a real connection or in memory.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::ChunkShape;
use super::answer::{Answer, Cut, Step};
use super::script::Stage;
use super::server_io::Control;

pub(super) struct Play {
    steps: VecDeque<Step>,
    wait: Option<Wait>,
    // The connection underneath; none in memory.
    control: Option<Arc<Control>>,
    stage: Stage,
    finished: bool,
}

enum Wait {
    Sleep(Pin<Box<tokio::time::Sleep>>),
    Gate(super::Gate),
    Flush(u64, Cut),
    Forever,
}

/// The body was cut, as the script said.
#[derive(Clone, Copy, Debug)]
pub(super) struct WasCut(pub(super) Cut);

impl core::fmt::Display for WasCut {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("cut by the script")
    }
}

impl core::error::Error for WasCut {}

impl Play {
    pub(super) fn new(answer: &Answer, control: Option<Arc<Control>>, stage: Stage) -> Self {
        let steps = pieces(&answer.steps, answer.shape, answer.pace);
        Self {
            steps,
            wait: None,
            control,
            stage,
            finished: false,
        }
    }

    /// Plays what stands before the head.
    pub(super) async fn before_head(
        steps: &[Step],
        control: Option<Arc<Control>>,
        stage: Stage,
    ) -> Result<(), WasCut> {
        let mut play = Self {
            steps: steps.iter().cloned().collect(),
            wait: None,
            control,
            stage,
            finished: false,
        };
        loop {
            match core::future::poll_fn(|cx| Pin::new(&mut play).poll_frame(cx)).await {
                None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(cut)) => return Err(cut),
            }
        }
    }
}

fn pieces(steps: &[Step], shape: ChunkShape, pace: Duration) -> VecDeque<Step> {
    let mut all = VecDeque::new();
    let mut first = true;
    for step in steps {
        let Step::Bytes(bytes) = step else {
            all.push_back(step.clone());
            continue;
        };
        for piece in shape.split(bytes) {
            if !first && !pace.is_zero() {
                all.push_back(Step::Pause(pace));
            }
            first = false;
            all.push_back(Step::Bytes(piece));
        }
    }
    all
}

impl Body for Play {
    type Data = Bytes;
    type Error = WasCut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, WasCut>>> {
        let this = &mut *self;
        loop {
            let waited = match &mut this.wait {
                None => Poll::Ready(()),
                Some(Wait::Sleep(sleep)) => sleep.as_mut().poll(cx),
                Some(Wait::Gate(gate)) => gate.poll_open(cx),
                Some(Wait::Forever) => Poll::Pending,
                Some(Wait::Flush(written, cut)) => {
                    let (written, cut) = (*written, *cut);
                    let flushed = this
                        .control
                        .as_ref()
                        .map_or(Poll::Ready(()), |control| control.poll_flushed(written, cx));
                    if flushed.is_ready() {
                        this.finished = true;
                        if let Some(control) = &this.control {
                            control.kill(cut);
                        }
                        return Poll::Ready(Some(Err(WasCut(cut))));
                    }
                    Poll::Pending
                }
            };
            if waited.is_pending() {
                return Poll::Pending;
            }
            this.wait = None;
            match this.steps.pop_front() {
                None => {
                    this.finished = true;
                    return Poll::Ready(None);
                }
                Some(Step::Bytes(bytes)) => {
                    if let Some(control) = &this.control {
                        control.expect(bytes.len());
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Pause(period)) => {
                    this.wait = Some(Wait::Sleep(Box::pin(tokio::time::sleep(period))))
                }
                Some(Step::Gate(gate)) => {
                    gate.arrive();
                    this.wait = Some(Wait::Gate(gate));
                }
                Some(Step::Stall) => this.wait = Some(Wait::Forever),
                Some(Step::Cut(cut)) => {
                    this.wait = Some(Wait::Flush(
                        this.control
                            .as_ref()
                            .map_or(0, |control| control.expected()),
                        cut,
                    ));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.wait.is_none() && self.steps.is_empty()
    }

    // Exact for a body that is one piece, so that it gets a content-length, as a server's plain answers do.
    fn size_hint(&self) -> SizeHint {
        match (self.steps.len(), self.steps.front()) {
            (0, _) if self.wait.is_none() => SizeHint::with_exact(0),
            (1, Some(Step::Bytes(bytes))) if self.wait.is_none() => {
                SizeHint::with_exact(bytes.len() as u64)
            }
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        if !self.finished && (self.wait.is_some() || !self.steps.is_empty()) {
            self.stage.count_canceled();
        }
    }
}
