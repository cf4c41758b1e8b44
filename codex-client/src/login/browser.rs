// The driver of a browser sign-in: the machine of codex-auth says what to do next, and two things may happen while it waits, a redirect on
// the listener and a line that the user pasted. Neither is lost while a request is under way: the listener goes on answering, and what is
// pasted waits.

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

/// How the end of a browser sign-in comes back to the program: to a loopback listener, by the user's hand, or whichever is first.
///
/// ```
/// use codex_auth::OAuthProfile;
/// use codex_client::login::{RedirectListener, Redirects};
///
/// let listener = RedirectListener::bind(&OAuthProfile::custom("https://login.example", "my-client").redirect)?;
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
    /// To a listener, whose port is the one the sign-in was begun with.
    pub fn listening(listener: RedirectListener) -> Self {
        Self {
            listener: Some(listener),
            pasted: None,
        }
    }

    /// By hand: each item is what a user pasted, the address the browser ended at or the code in it. For machines without a browser.
    pub fn pasted(lines: impl Stream<Item = Secret> + Send + 'static) -> Self {
        Self {
            listener: None,
            pasted: Some(Box::pin(lines)),
        }
    }

    /// By hand as well.
    pub fn or_pasted(mut self, lines: impl Stream<Item = Secret> + Send + 'static) -> Self {
        self.pasted = Some(Box::pin(lines));
        self
    }
}

impl fmt::Debug for Redirects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Redirects")
            .field("listener", &self.listener)
            .field("pasted", &self.pasted.is_some())
            .finish()
    }
}

/// What a program should tell its user during a browser sign-in.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// Open this address in the user's browser, and print it in any case.
    Show(&'a Prompt),
    /// A redirect was refused with status 400, because it is not of this sign-in, which goes on. Often a page left open from an earlier one.
    RedirectRefused,
    /// What the user pasted cannot be used; ask again.
    PasteRefused(&'a Error),
}

impl<S: TokenStore> Login<S> {
    /// Signs in with a browser that comes back to this program. `notice` gets the address to open, and whatever else the user should know.
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
    /// What ended it; above all [`Denied`](codex_auth::ErrorKind::Denied), [`TimedOut`](codex_auth::ErrorKind::TimedOut) and, when the lines
    /// to paste end without a usable one, [`MalformedRedirect`](codex_auth::ErrorKind::MalformedRedirect). The stored login, if there is
    /// one, is then as it was.
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

/// Runs a begun flow to its end.
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

/// What happened first.
enum Arrival<T> {
    Ready(T),
    Visit(Visit),
    Pasted(Secret),
    /// Nothing will be pasted any more.
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
                _ => return Err(Error::custom("the flow wants something unknown")),
            }
        }
    }

    /// Waits until something happened that the flow has to say something to.
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
                    // Nobody is left who could bring the redirect.
                    self.flow.handle_pasted(self.timer.now(), "")?;
                }
            }
        }
        Ok(())
    }

    /// Runs a request, and answers whoever comes to the listener meanwhile.
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
        // Errors that end the sign-in are the flow's to report.
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
