//! Holds a conversation in a web page: reasoning, answers and tool calls appear as they arrive, and
//! a response can be cancelled.
//!
//! `docs/browser.md` shows how to build and open it.

mod chat;
mod page;
mod weather;

use std::cell::RefCell;
use std::rc::Rc;

use codex_client::Session;
use futures_util::future::{AbortHandle, Abortable};
use page::{Page, Turn};
use wasm_bindgen::JsValue;

fn main() -> Result<(), JsValue> {
    let page = Page::new()?;
    let program = Rc::new(Program {
        page,
        session: RefCell::new(None),
        running: RefCell::new(None),
    });
    let page = &program.page;
    page.on("settings", "submit", {
        let program = Rc::clone(&program);
        move || program.start_over()
    })?;
    page.on("question", "submit", {
        let program = Rc::clone(&program);
        move || Rc::clone(&program).send()
    })?;
    page.on("cancel", "click", {
        let program = Rc::clone(&program);
        move || program.cancel()
    })?;
    page.set_running(false);
    Ok(())
}

struct Program {
    page: Page,
    /// The conversation, except while a turn has it.
    session: RefCell<Option<Session>>,
    /// Ends the turn in progress.
    running: RefCell<Option<AbortHandle>>,
}

impl Program {
    fn start_over(&self) {
        self.cancel();
        self.session.take();
        self.page.clear();
    }

    fn cancel(&self) {
        if let Some(running) = &*self.running.borrow() {
            running.abort();
        }
    }

    fn send(self: Rc<Self>) {
        let question = self.page.take_question();
        if question.is_empty() || self.running.borrow().is_some() {
            return;
        }
        let turn = self.page.add_turn(&question);
        let session = match self.session.take() {
            Some(session) => Ok(session),
            None => chat::begin(&self.page.settings()),
        };
        let mut session = match session {
            Ok(session) => session,
            Err(message) => return turn.fail(&message),
        };
        let (handle, registration) = AbortHandle::new_pair();
        self.running.replace(Some(handle));
        self.page.set_running(true);
        wasm_bindgen_futures::spawn_local(async move {
            let answer = chat::answer(&mut session, &question, &turn);
            match Abortable::new(answer, registration).await {
                Ok(Ok(usage)) => turn.note(&usage),
                Ok(Err(message)) => turn.fail(&message),
                Err(_) => turn.note("cancelled"),
            }
            // A conversation that was given up while the turn ran has no successor yet.
            if turn.is_shown() {
                self.session.replace(Some(session));
            }
            self.running.take();
            self.page.set_running(false);
        });
    }
}
