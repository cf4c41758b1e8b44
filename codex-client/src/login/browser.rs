//! The driver of a browser sign-in. The state machine of codex-auth decides the next step. While it
//! waits, two things may happen: a redirect arrives at the listener, or the user pastes a line.
//! Neither is lost while a request is in progress: the listener continues to respond, and pasted
//! lines are queued.

use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;

use codex_auth::{
    BrowserFlow, BrowserSignIn, Entropy, Error, Page, Prompt, Secret, SendRequest as _, SignIn,
    SignInFlow as _, Step, Timer as _, TokenStore,
};
use futures_core::Stream;

use super::adapter::TransportTimer;
use super::driver::{Login, SignedIn};
use super::listener::{RedirectListener, Server, Visit};

/// The ways in which a browser sign-in returns to the program: a loopback listener, pasted lines,
/// or whichever comes first.
///
/// ```
/// use codex_auth::OAuthProfile;
/// use codex_client::login::{RedirectListener, Redirects};
///
/// let listener = RedirectListener::bind(
///     &OAuthProfile::custom("https://login.example", "my-client").redirect,
/// )?;
/// let redirects = Redirects::listening(listener);
/// # let _ = redirects;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use]
pub struct Redirects {
    listener: Option<RedirectListener>,
    pasted: Option<Pasted>,
}

type Pasted = Pin<Box<dyn Stream<Item = Secret> + Send>>;

impl Redirects {
    /// Uses a listener. Its port must be the one that the sign-in was begun with.
    pub fn listening(listener: RedirectListener) -> Self {
        Self {
            listener: Some(listener),
            pasted: None,
        }
    }

    /// Uses pasted lines, for machines without a browser.
    ///
    /// Each item is a line from the user: the address that the browser ended at, or the code in it.
    pub fn pasted(lines: impl Stream<Item = Secret> + Send + 'static) -> Self {
        Self {
            listener: None,
            pasted: Some(Box::pin(lines)),
        }
    }

    /// Accepts pasted lines as well.
    pub fn or_pasted(mut self, lines: impl Stream<Item = Secret> + Send + 'static) -> Self {
        self.pasted = Some(Box::pin(lines));
        self
    }
}

impl fmt::Debug for Redirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirects")
            .field("listener", &self.listener)
            .field("pasted", &self.pasted.is_some())
            .finish()
    }
}

/// A notice to the user during a browser sign-in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Open this address in the user's browser, and print it in any case.
    Show(&'a Prompt),
    /// A redirect was rejected with status 400, because it does not belong to this sign-in. The
    /// sign-in continues. The redirect often comes from a page left open from an earlier one.
    RedirectRefused,
    /// The pasted line cannot be used; prompt again.
    PasteRefused(&'a Error),
}

impl<S: TokenStore> Login<S> {
    /// Signs in with a browser that redirects to this program.
    ///
    /// `notice` receives the address to open and other notices to the user.
    ///
    /// Needs a tokio runtime with I/O if there is a listener.
    ///
    /// ```
    /// use codex_auth::{MemoryStore, OAuthProfile};
    /// use codex_client::login::{Login, Notice, RedirectListener, Redirects};
    /// # use codex_transport::testing::{Answer, Script, ScriptedTransport};
    /// # let transport = ScriptedTransport::new(Script::new().route("POST", "/oauth/token", Answer::json(200, r#"{"access_token":"invented"}"#)));
    /// # /// Comes back at once, as a browser does whose user is signed in already.
    /// # fn open_browser(address: &str) {
    /// #     let member = |name: &str| address.split(['?', '&']).find_map(|member| member.strip_prefix(name)).unwrap().to_owned();
    /// #     let port = member("redirect_uri=http%3A%2F%2F127.0.0.1%3A").split('%').next().unwrap().to_owned();
    /// #     let state = member("state=");
    /// #     std::thread::spawn(move || {
    /// #         use std::io::{Read, Write};
    /// #         let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    /// #         write!(stream, "GET /auth/callback?code=c&state={state} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    /// #         stream.read_to_end(&mut Vec::new()).unwrap();
    /// #     });
    /// # }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let profile = OAuthProfile::custom("https://login.example", "my-client");
    /// let login = Login::new(profile, MemoryStore::new(), transport, codex_transport::TokioTimer);
    ///
    /// let listener = RedirectListener::bind(&login.profile().redirect)?;
    /// let attempt = login.browser_sign_in(listener.port())?;
    /// let signed_in = login
    ///     .in_browser(attempt, Redirects::listening(listener), |notice| {
    ///         if let Notice::Show(prompt) = notice {
    ///             println!("Open {}", prompt.url());
    ///             open_browser(prompt.url());
    ///         }
    ///     })
    ///     .await?;
    /// assert_eq!(signed_in.sign_in().tokens().access_token().expose(), "invented");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error that ended the sign-in, most often
    /// [`Denied`](codex_auth::ErrorKind::Denied), [`TimedOut`](codex_auth::ErrorKind::TimedOut) or,
    /// when the pasted lines end without a usable one,
    /// [`MalformedRedirect`](codex_auth::ErrorKind::MalformedRedirect). An error leaves a stored
    /// login unchanged.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the sign-in and closes the listener. A stored login stays,
    /// unless the new one has already replaced it.
    pub async fn in_browser(
        &self,
        attempt: BrowserSignIn,
        redirects: Redirects,
        notice: impl FnMut(Notice<'_>) + Send,
    ) -> Result<SignedIn, Error> {
        self.writable()?;
        let flow = attempt.begin(self.timer.now(), &Entropy::from_os()?)?;
        let sign_in = run(self, flow, redirects, notice).await?;
        self.keep(sign_in).await
    }
}

/// Runs a flow to its end.
async fn run<S: TokenStore>(
    login: &Login<S>,
    flow: BrowserFlow,
    redirects: Redirects,
    notice: impl FnMut(Notice<'_>) + Send,
) -> Result<SignIn, Error> {
    let server = redirects
        .listener
        .map(|listener| Server::start(listener, flow.redirect_uri(), login.timer.clone()))
        .transpose()
        .map_err(Error::custom)?;
    let mut run = Run {
        flow,
        server,
        pasted: redirects.pasted,
        timer: &login.timer,
        notice,
    };
    let result = run.drive(login).await;
    if let Some(server) = run.server {
        server.finish().await;
    }
    result
}

struct Run<'a, N> {
    flow: BrowserFlow,
    server: Option<Server>,
    pasted: Option<Pasted>,
    timer: &'a TransportTimer,
    notice: N,
}

/// The first thing that happened.
enum Arrival<T> {
    Ready(T),
    Visit(Visit),
    Pasted(Secret),
    /// No more lines will be pasted.
    PasteEnded,
}

impl<N: FnMut(Notice<'_>) + Send> Run<'_, N> {
    async fn drive<S: TokenStore>(&mut self, login: &Login<S>) -> Result<SignIn, Error> {
        loop {
            match self.flow.poll(self.timer.now())? {
                Step::Show(prompt) => (self.notice)(Notice::Show(&prompt)),
                Step::Send(request) => {
                    let result = self.while_serving(login.http.send(request)).await;
                    let now = self.timer.now();
                    match result {
                        Ok(response) => self.flow.handle_response(now, response),
                        Err(failure) => self.flow.handle_failure(now, failure),
                    }
                }
                Step::Save(registration) => {
                    login.register(&registration).await?;
                    self.flow.handle_saved();
                }
                Step::Wait(duration) => self.wait(self.timer.sleep(duration)).await?,
                Step::Done(sign_in) => return Ok(sign_in),
                _ => return Err(Error::custom("unsupported step in the sign-in flow")),
            }
        }
    }

    /// Waits until something happens that the flow must handle.
    async fn wait(&mut self, end: impl Future<Output = ()>) -> Result<(), Error> {
        match self.next(&mut pin!(end), true).await {
            Arrival::Ready(()) => {}
            Arrival::Visit(visit) => self.handle_visit(visit),
            Arrival::Pasted(text) => {
                let taken = self.flow.handle_pasted(self.timer.now(), text.expose());
                if let Err(error) = taken {
                    self.flow.poll(self.timer.now())?;
                    (self.notice)(Notice::PasteRefused(&error));
                }
            }
            Arrival::PasteEnded => {
                self.pasted = None;
                if self.server.is_none() {
                    // No source is left that could deliver the redirect.
                    self.flow.handle_pasted(self.timer.now(), "")?;
                }
            }
        }
        Ok(())
    }

    /// Runs a request, and meanwhile responds to connections on the listener.
    async fn while_serving<F: Future>(&mut self, request: F) -> F::Output {
        let mut request = pin!(request);
        loop {
            match self.next(&mut request, false).await {
                Arrival::Ready(output) => return output,
                Arrival::Visit(visit) => self.handle_visit(visit),
                Arrival::Pasted(_) | Arrival::PasteEnded => {}
            }
        }
    }

    fn handle_visit(&mut self, visit: Visit) {
        let page = Page::for_redirect(&mut self.flow, self.timer.now(), &visit.target);
        // The flow itself reports errors that end the sign-in.
        if page == Page::BadRequest && self.flow.poll(self.timer.now()).is_ok() {
            (self.notice)(Notice::RedirectRefused);
        }
        if let Some(server) = &mut self.server {
            server.answer(visit, page);
        }
    }

    async fn next<F: Future>(
        &mut self,
        future: &mut Pin<&mut F>,
        listen_to_user: bool,
    ) -> Arrival<F::Output> {
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Arrival::Ready(output));
            }
            if let Some(server) = &mut self.server
                && let Poll::Ready(visit) = server.poll_visit(context)
            {
                return Poll::Ready(Arrival::Visit(visit));
            }
            if listen_to_user
                && let Some(pasted) = &mut self.pasted
                && let Poll::Ready(line) = pasted.as_mut().poll_next(context)
            {
                return Poll::Ready(line.map_or(Arrival::PasteEnded, Arrival::Pasted));
            }
            Poll::Pending
        })
        .await
    }
}
