//! The elements of the page. Texts enter it as text nodes, so that no answer can become markup.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, Event, HtmlButtonElement, HtmlElement, HtmlInputElement};

/// The page, with the elements that the HTML file declares.
pub(crate) struct Page {
    document: Document,
    turns: Element,
    base_url: HtmlInputElement,
    token: HtmlInputElement,
    model: HtmlInputElement,
    question: HtmlInputElement,
    send: HtmlButtonElement,
    cancel: HtmlButtonElement,
}

/// The settings of a conversation.
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) token: String,
    pub(crate) model: String,
}

impl Page {
    pub(crate) fn new() -> Result<Self, JsValue> {
        let document = web_sys::window().and_then(|window| window.document());
        let document = document.ok_or("no document")?;
        Ok(Self {
            turns: by_id(&document, "turns")?,
            base_url: by_id(&document, "base-url")?,
            token: by_id(&document, "token")?,
            model: by_id(&document, "model")?,
            question: by_id(&document, "text")?,
            send: by_id(&document, "send")?,
            cancel: by_id(&document, "cancel")?,
            document,
        })
    }

    /// Calls the function at every event of this name, instead of what the browser would do.
    pub(crate) fn on(
        &self,
        id: &str,
        event: &str,
        mut function: impl FnMut() + 'static,
    ) -> Result<(), JsValue> {
        let element: Element = by_id(&self.document, id)?;
        let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            event.prevent_default();
            function();
        });
        element.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref())?;
        // The page needs it until it is closed.
        listener.forget();
        Ok(())
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            base_url: self.base_url.value(),
            token: self.token.value(),
            model: self.model.value(),
        }
    }

    pub(crate) fn take_question(&self) -> String {
        let question = self.question.value();
        self.question.set_value("");
        question.trim().to_owned()
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.send.set_disabled(running);
        self.cancel.set_disabled(!running);
    }

    pub(crate) fn clear(&self) {
        self.turns.set_text_content(None);
    }

    pub(crate) fn add_turn(&self, question: &str) -> Turn {
        let article = self.element("article", "");
        let part = |class: &str| {
            let part = self.element("p", class);
            append(&article, &part);
            part
        };
        part("question").set_text_content(Some(question));
        let turn = Turn {
            reasoning: part("reasoning"),
            tools: part("tools"),
            answer: part("answer"),
            note: part("note"),
        };
        append(&self.turns, &article);
        turn
    }

    fn element(&self, name: &str, class: &str) -> Element {
        let element = self
            .document
            .create_element(name)
            .unwrap_or_else(|_| self.turns.clone());
        element.set_class_name(class);
        element
    }
}

/// One question with its answer.
pub(crate) struct Turn {
    reasoning: Element,
    tools: Element,
    answer: Element,
    note: Element,
}

impl Turn {
    pub(crate) fn add_reasoning(&self, text: &str) {
        add(&self.reasoning, text);
    }

    pub(crate) fn add_tool(&self, call: &str) {
        add(&self.tools, call);
        add(&self.tools, "\n");
    }

    pub(crate) fn add_answer(&self, text: &str) {
        add(&self.answer, text);
    }

    pub(crate) fn note(&self, text: &str) {
        self.note.set_text_content(Some(text));
        scroll_to(&self.note);
    }

    pub(crate) fn fail(&self, message: &str) {
        self.note.set_class_name("note error");
        self.note(message);
    }

    /// Returns whether the page still shows the turn.
    pub(crate) fn is_shown(&self) -> bool {
        self.note.is_connected()
    }
}

fn by_id<T: JsCast>(document: &Document, id: &str) -> Result<T, JsValue> {
    document
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into().ok())
        .ok_or_else(|| format!("no element {id}").into())
}

fn append(parent: &Element, child: &Element) {
    // Only a cycle of elements would be rejected.
    drop(parent.append_child(child));
}

/// Adds a text node, which costs the same however long the text is already.
fn add(element: &Element, text: &str) {
    let Some(document) = element.owner_document() else {
        return;
    };
    drop(element.append_child(&document.create_text_node(text)));
    scroll_to(element);
}

fn scroll_to(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        element.scroll_into_view_with_bool(false);
    }
}
