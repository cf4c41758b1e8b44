//! Plays the steps of an answer as a body, over a real connection or in memory.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::testing::answer::{Answer, Cut, Step, sse_bytes};
use crate::testing::gate::Gate;
use crate::testing::script::Stage;
use crate::testing::server_io::{ACKNOWLEDGED, Control};

pub(super) struct Play {
    steps: VecDeque<Step>,
    wait: Option<Wait>,
    // The underlying connection; `None` in memory.
    control: Option<Arc<Control>>,
    stage: Stage,
    // In memory: how many more bytes may be yielded, and the cut that follows.
    limit: Option<(u64, Cut)>,
    // How many times the connection had been flushed when the body was first polled. A body is cut
    // after its headers, never before.
    head: Option<u64>,
    in_body: bool,
    finished: bool,
}

enum Wait {
    Sleep(Pin<Box<tokio::time::Sleep>>),
    Gate(Gate),
    // Waits until every yielded byte is on the wire, then cuts.
    Cut(u64, Cut),
    // Waits until the yielded bytes have left (and before a reset, arrived), then cuts.
    Settled(Pin<Box<tokio::time::Sleep>>, Cut),
    // Waits until the headers are on the wire, then sets the limit.
    Head(u64, u64, Cut),
    Forever,
}

/// The error of a body that the script cut.
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
        let steps = pieces(answer);
        Self {
            steps,
            wait: None,
            control,
            stage,
            limit: None,
            head: None,
            in_body: true,
            finished: false,
        }
    }

    /// Creates a body without any steps.
    pub(super) fn nothing(stage: Stage) -> Self {
        Self {
            steps: VecDeque::new(),
            wait: None,
            control: None,
            stage,
            limit: None,
            head: None,
            in_body: true,
            finished: true,
        }
    }

    /// Plays the steps before the response headers.
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
            limit: None,
            head: None,
            in_body: false,
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

fn pieces(answer: &Answer) -> VecDeque<Step> {
    let mut all = VecDeque::new();
    let mut first = true;
    for step in &answer.steps {
        let Some(bytes) = sse_bytes(step, answer.line_end) else {
            all.push_back(step.clone());
            continue;
        };
        for piece in answer.shape.split(&bytes) {
            if !first && !answer.pace.is_zero() {
                all.push_back(Step::Pause(answer.pace));
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
        let head = *this
            .head
            .get_or_insert_with(|| this.control.as_ref().map_or(0, |control| control.flushes()));
        loop {
            let waited = match &mut this.wait {
                None => Poll::Ready(()),
                Some(Wait::Sleep(sleep)) => sleep.as_mut().poll(cx),
                Some(Wait::Gate(gate)) => gate.poll_open(cx),
                Some(Wait::Forever) => Poll::Pending,
                Some(Wait::Head(flushes, bytes, cut)) => {
                    let Some(control) = &this.control else {
                        return Poll::Pending;
                    };
                    ready!(control.poll_flushes(*flushes, cx));
                    control.limit(*bytes, *cut);
                    Poll::Ready(())
                }
                Some(Wait::Cut(written, cut)) => {
                    let (written, cut) = (*written, *cut);
                    if let Some(control) = &this.control {
                        if this.in_body {
                            ready!(control.poll_flushes(head, cx));
                        }
                        ready!(control.poll_flushed(written, cx));
                        if this.in_body {
                            let period = if cut == Cut::Reset {
                                ACKNOWLEDGED
                            } else {
                                SETTLED
                            };
                            this.wait =
                                Some(Wait::Settled(Box::pin(tokio::time::sleep(period)), cut));
                            continue;
                        }
                    }
                    return this.cut(cut);
                }
                Some(Wait::Settled(sleep, cut)) => {
                    ready!(sleep.as_mut().poll(cx));
                    let cut = *cut;
                    return this.cut(cut);
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
                Some(Step::Bytes(bytes)) => return this.hand_out(bytes),
                // Only a WebSocket has these steps; steps that send bytes were converted to bytes
                // before.
                Some(
                    Step::Receive
                    | Step::Close(_)
                    | Step::Event(_)
                    | Step::Comment(_)
                    | Step::Binary(_)
                    | Step::Raw(_),
                ) => {}
                Some(Step::CutAfter(bytes, cut)) => match &this.control {
                    Some(control) => this.wait = Some(Wait::Head(control.flushes(), bytes, cut)),
                    None => this.limit = Some((bytes, cut)),
                },
                Some(Step::Pause(period)) => {
                    this.wait = Some(Wait::Sleep(Box::pin(tokio::time::sleep(period))))
                }
                Some(Step::Gate(gate)) => {
                    gate.arrive();
                    this.wait = Some(Wait::Gate(gate));
                }
                Some(Step::Stall) => this.wait = Some(Wait::Forever),
                Some(Step::Cut(Cut::Stall)) => this.wait = Some(Wait::Forever),
                Some(Step::Cut(cut)) => {
                    this.wait = Some(Wait::Cut(
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

    // Exact for a body of one chunk, which then has a content-length like a server's ordinary
    // responses.
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

impl Play {
    fn hand_out(&mut self, mut bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, WasCut>>> {
        if let Some(control) = &self.control {
            control.expect(bytes.len());
        }
        if let Some((left, cut)) = &mut self.limit {
            if bytes.len() as u64 >= *left {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                self.wait = Some(if *cut == Cut::Stall {
                    Wait::Forever
                } else {
                    Wait::Cut(0, *cut)
                });
            }
            *left -= bytes.len() as u64;
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn cut(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, WasCut>>> {
        self.finished = true;
        if let Some(control) = &self.control
            && cut != Cut::Stream
        {
            control.kill(cut);
        }
        Poll::Ready(Some(Err(WasCut(cut))))
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        if !self.finished && (self.wait.is_some() || !self.steps.is_empty()) {
            self.stage.count_cancelled();
        }
    }
}

// Over HTTP/2 a flush may have belonged to another frame. During this sleep, the connection's task
// runs and writes its buffered data.
const SETTLED: Duration = Duration::from_millis(5);
