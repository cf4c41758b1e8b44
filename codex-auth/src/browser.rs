// The authorization-code flow with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252) through the user's browser, for profiles with a fixed
// client id and for those where the installation registers itself on the way.

use core::{fmt, time::Duration};

use bytes::Bytes;
use http::Response;

use crate::{
    calls::{ApiKeyExchange, CodeExchange},
    encode::percent_encode,
    error::{Error, ErrorKind},
    flow::{Deadline, Prompt, SignIn, SignInFlow, Step, lost},
    moment::Moment,
    profile::{OAuthProfile, invalid},
    random::{Entropy, challenge},
    redirect,
    registration::Registration,
    secret::Secret,
    send::SendFailure,
    tokens::TokenSet,
};

/// What a browser sign-in is made of, before it begins.
///
/// ```
/// use codex_auth::{BrowserSignIn, Entropy, Moment, OAuthProfile, SignInFlow, Step};
///
/// // 1. Listen on 127.0.0.1 and ::1, port 1455 or 1457. 2. Begin.
/// let mut flow = BrowserSignIn::new(OAuthProfile::codex(), 1455).begin(Moment::now(), &Entropy::from_bytes([7; 128]))?;
/// let Step::Show(prompt) = flow.poll(Moment::now())? else { panic!("the address comes first") };
/// assert!(prompt.url().starts_with("https://auth.openai.com/oauth/authorize?response_type=code&"));
///
/// // 3. A browser comes to the listener. Somebody else's guess changes nothing:
/// assert!(flow.handle_redirect(Moment::now(), "/auth/callback?code=stolen&state=guessed").is_err());
/// // the user's own return does:
/// let state = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
/// flow.handle_redirect(Moment::now(), &format!("/auth/callback?code=abc&state={state}"))?;
///
/// // 4. Send the exchange, hand in the answer.
/// let Step::Send(request) = flow.poll(Moment::now())? else { panic!("the code is exchanged") };
/// assert_eq!(request.uri().path(), "/oauth/token");
/// let answer = r#"{"id_token":"e30.e30.c2ln","access_token":"invented","refresh_token":"invented"}"#;
/// flow.handle_response(Moment::now(), http::Response::new(answer.into()));
/// assert!(matches!(flow.poll(Moment::now())?, Step::Done(_)));
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BrowserSignIn {
    profile: OAuthProfile,
    port: u16,
    returning: Option<Registration>,
    id_token_hint: Option<Secret>,
    consent: bool,
    api_key: bool,
    time_limit: Duration,
}

impl BrowserSignIn {
    /// A sign-in whose redirect comes to a loopback listener on this port.
    #[must_use]
    pub fn new(profile: OAuthProfile, port: u16) -> Self {
        Self {
            profile,
            port,
            returning: None,
            id_token_hint: None,
            consent: false,
            api_key: false,
            time_limit: TIME_LIMIT,
        }
    }

    /// The installation is registered already: its client id is used again, and another account is refused.
    #[must_use]
    pub fn returning(mut self, registration: Registration) -> Self {
        self.returning = Some(registration);
        self
    }

    /// Spares a returning user the account selector. The address shown then contains this token: do not print it.
    #[must_use]
    pub fn with_id_token_hint(mut self, id_token: Secret) -> Self {
        self.id_token_hint = Some(id_token);
        self
    }

    /// Asks the user again for what the grant lacks (`prompt=consent`); only when the user wants that.
    #[must_use]
    pub fn asking_for_consent(mut self) -> Self {
        self.consent = true;
        self
    }

    /// Also exchanges the ID token for a platform API key, if the account has one coming. Requests with it are charged to the API account.
    #[must_use]
    pub fn with_api_key_exchange(mut self) -> Self {
        self.api_key = true;
        self
    }

    /// How long the user has, ten minutes by default.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Begins the attempt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidConfiguration`] if the profile is not valid, does not take redirects to this port, or wants ID tokens checked
    /// and the feature `verify` is off.
    pub fn begin(self, now: Moment, entropy: &Entropy) -> Result<BrowserFlow, Error> {
        self.profile.validate()?;
        if self.profile.jwks_endpoint.is_some() && cfg!(not(feature = "verify")) {
            return Err(invalid(
                "the profile wants ID tokens checked, which needs the feature `verify`",
            ));
        }
        let mut rule = self.profile.redirect.clone();
        if let Some(path) = self
            .returning
            .as_ref()
            .and_then(Registration::redirect_path)
        {
            path.clone_into(&mut rule.path);
        }
        let redirect_uri = rule.uri(self.port)?;
        let (verifier, state, nonce) = (entropy.verifier(), entropy.state(), entropy.nonce());
        let url = self.authorize_url(&redirect_uri, &verifier, &state, &nonce);
        let prompt = Prompt::new(url, None, self.time_limit);
        Ok(BrowserFlow {
            redirect_path: rule.path,
            deadline: Deadline::after(now, self.time_limit),
            attempt: self,
            redirect_uri,
            verifier,
            state,
            nonce,
            prompt: prompt.clone(),
            unseen: Some(prompt),
            registration: None,
            stage: Stage::Away,
            resume_at: Duration::ZERO,
            failures: 0,
        })
    }

    fn authorize_url(
        &self,
        redirect_uri: &str,
        verifier: &Secret,
        state: &Secret,
        nonce: &Secret,
    ) -> String {
        let profile = &self.profile;
        let (scope, challenge, workspaces) = (
            profile.scopes.join(" "),
            challenge(verifier),
            profile.allowed_workspaces.join(","),
        );
        let client_id = self
            .returning
            .as_ref()
            .map_or(profile.client_id.as_str(), Registration::client_id);
        let mut members = vec![
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &scope),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if let Some(app) = &profile.registration {
            if self.returning.is_none() {
                members.push(("agent_name_hint", &app.app_name));
            }
            members.push(("ext_agent_host_id", app.host_id.as_str()));
        }
        members.extend(
            profile
                .resource
                .as_deref()
                .map(|resource| ("resource", resource)),
        );
        if profile.nonce {
            members.push(("nonce", nonce.expose()));
        }
        let extra = profile
            .authorize_parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let (before_originator, originator): (Vec<_>, Vec<_>) =
            extra.partition(|(name, _)| *name != "originator");
        members.extend(before_originator);
        members.push(("state", state.expose()));
        members.extend(originator);
        if !workspaces.is_empty() {
            members.push(("allowed_workspace_id", &workspaces));
        }
        members.extend(
            self.returning
                .as_ref()
                .and_then(Registration::email)
                .map(|email| ("login_hint", email)),
        );
        members.extend(
            self.id_token_hint
                .as_ref()
                .map(|token| ("id_token_hint", token.expose())),
        );
        if self.consent {
            members.push(("prompt", "consent"));
        }
        let mut url = profile.authorize_endpoint.clone();
        for (index, (name, value)) in members.into_iter().enumerate() {
            url.push(if index == 0 && !url.contains('?') {
                '?'
            } else {
                '&'
            });
            percent_encode(&mut url, name);
            url.push('=');
            percent_encode(&mut url, value);
        }
        url
    }
}

/// A browser sign-in in progress; see [`BrowserSignIn`].
pub struct BrowserFlow {
    attempt: BrowserSignIn,
    redirect_uri: String,
    redirect_path: String,
    verifier: Secret,
    state: Secret,
    nonce: Secret,
    prompt: Prompt,
    unseen: Option<Prompt>,
    deadline: Deadline,
    registration: Option<Registration>,
    stage: Stage,
    /// Not before this moment of the steady clock is a request repeated.
    resume_at: Duration,
    failures: u32,
}

enum Stage {
    /// The user is in the browser.
    Away,
    /// The issued client id is to be stored, then the code exchanged.
    Registered {
        code: Secret,
    },
    Exchange {
        code: Secret,
    },
    #[cfg(feature = "verify")]
    Keys {
        tokens: TokenSet,
        asked_again: bool,
    },
    ApiKey {
        tokens: TokenSet,
        exchange: ApiKeyExchange,
    },
    Done(Box<SignIn>),
    Failed(Error),
}

impl BrowserFlow {
    /// The address to open; [`Step::Show`] brings it too.
    #[must_use]
    pub fn authorize_url(&self) -> &str {
        self.prompt.url()
    }

    /// Where the browser will come back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Takes the redirect: a request target (`/auth/callback?...`), the whole address, or the query alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StateMismatch`]: it is not of this attempt, which stays alive; answer the browser with status 400. Every other error
    /// ends the attempt, and [`poll`](SignInFlow::poll) repeats it: [`Denied`](ErrorKind::Denied),
    /// [`MissingEntitlement`](ErrorKind::MissingEntitlement), [`MalformedRedirect`](ErrorKind::MalformedRedirect),
    /// [`TimedOut`](ErrorKind::TimedOut).
    pub fn handle_redirect(&mut self, now: Moment, target: &str) -> Result<(), Error> {
        let query =
            redirect::query_of(target).ok_or_else(|| Error::new(ErrorKind::StateMismatch))?;
        if !matches!(self.stage, Stage::Away) {
            // The attempt's state is used up with its first redirect.
            return Err(Error::new(ErrorKind::StateMismatch));
        }
        let read = self
            .deadline
            .left(now)
            .and_then(|_| redirect::read(query, &self.state, &self.attempt.profile.issuer));
        let taken = read.and_then(|redirected| self.registered(redirected));
        match taken {
            Ok(stage) => {
                self.stage = stage;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::StateMismatch => Err(error),
            Err(error) => {
                self.stage = Stage::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Takes what a user pasted: the address the browser ended at, or the code alone.
    ///
    /// An address is checked like a redirect. A lone code has no state to check; what protects it is that only the code of an attempt with
    /// this flow's challenge can be exchanged with this flow's verifier.
    ///
    /// # Errors
    ///
    /// Those of [`handle_redirect`](Self::handle_redirect); also [`ErrorKind::MalformedRedirect`] for a lone code where the redirect must
    /// bring a client id, and for blank text. Neither ends the attempt: ask again.
    pub fn handle_pasted(&mut self, now: Moment, text: &str) -> Result<(), Error> {
        if redirect::query_of(text).is_some() {
            return self.handle_redirect(now, text);
        }
        self.deadline.left(now)?;
        // Some pages show the code and the state joined by a number sign.
        let (code, state) = text
            .trim()
            .split_once('#')
            .map_or_else(|| (text.trim(), None), |(code, state)| (code, Some(state)));
        if state.is_some_and(|state| Secret::from(state) != self.state)
            || !matches!(self.stage, Stage::Away)
        {
            return Err(Error::new(ErrorKind::StateMismatch));
        }
        let unusable =
            code.is_empty() || code.contains("://") || code.contains(char::is_whitespace);
        if unusable
            || (self.attempt.profile.registration.is_some() && self.attempt.returning.is_none())
        {
            return Err(
                Error::new(ErrorKind::MalformedRedirect).with_detail("the whole address is needed")
            );
        }
        self.registration.clone_from(&self.attempt.returning);
        self.stage = Stage::Exchange {
            code: Secret::from(code),
        };
        Ok(())
    }

    /// Settles under which client id the code is exchanged.
    fn registered(&mut self, redirected: redirect::Redirected) -> Result<Stage, Error> {
        let redirect::Redirected { code, client_id } = redirected;
        let Some(app) = &self.attempt.profile.registration else {
            return Ok(Stage::Exchange { code });
        };
        if let Some(saved) = &self.attempt.returning {
            if client_id.is_some_and(|received| received != saved.client_id()) {
                return Err(Error::new(ErrorKind::AccountChanged));
            }
            self.registration = Some(saved.clone());
            return Ok(Stage::Exchange { code });
        }
        let missing = || {
            Error::new(ErrorKind::MalformedRedirect).with_detail("it carries no issued client id")
        };
        let registration = Registration::new(client_id.ok_or_else(missing)?, app.host_id.clone())?;
        self.registration = Some(registration.with_redirect_path(self.redirect_path.clone()));
        Ok(Stage::Registered { code })
    }

    fn client_id(&self) -> &str {
        self.registration
            .as_ref()
            .map_or(&self.attempt.profile.client_id, |registration| {
                registration.client_id()
            })
    }

    fn exchange<'a>(&'a self, code: &'a Secret) -> CodeExchange<'a> {
        CodeExchange {
            endpoint: &self.attempt.profile.token_endpoint,
            client_id: self.client_id(),
            code,
            verifier: &self.verifier,
            redirect_uri: &self.redirect_uri,
            resource: self.attempt.profile.resource.as_deref(),
        }
    }

    fn exchanged(&self, tokens: TokenSet) -> Result<Stage, Error> {
        let profile = &self.attempt.profile;
        check_workspace(profile, &tokens)?;
        if tokens.refresh_token.is_none() && tokens.has_scope("offline_access") {
            return Err(
                Error::new(ErrorKind::InvalidResponse).with_detail("it holds no refresh token")
            );
        }
        #[cfg(feature = "verify")]
        if profile.jwks_endpoint.is_some() {
            if tokens.id_token.is_none() {
                return Err(
                    Error::new(ErrorKind::InvalidResponse).with_detail("it holds no ID token")
                );
            }
            return Ok(Stage::Keys {
                tokens,
                asked_again: false,
            });
        }
        self.accepted(tokens)
    }

    fn accepted(&self, tokens: TokenSet) -> Result<Stage, Error> {
        match (&tokens.id_token, self.attempt.api_key) {
            (Some(id_token), true) => {
                let exchange = ApiKeyExchange::new(&self.attempt.profile, id_token.clone())?;
                Ok(Stage::ApiKey { tokens, exchange })
            }
            _ => Ok(self.done(tokens, None)),
        }
    }

    fn done(&self, tokens: TokenSet, api_key: Option<Secret>) -> Stage {
        Stage::Done(Box::new(SignIn {
            tokens,
            registration: self.registration.clone(),
            api_key,
        }))
    }

    #[cfg(feature = "verify")]
    fn checked(
        &mut self,
        now: Moment,
        tokens: TokenSet,
        asked_again: bool,
        response: &Response<Bytes>,
    ) -> Result<Stage, Error> {
        use crate::verify::{IdTokenRules, KeySet};
        if !response.status().is_success() {
            // The keys are out of reach; that says nothing about the token.
            return self.wait_for_keys(
                now,
                tokens,
                asked_again,
                Error::new(ErrorKind::Unavailable).with_status(response.status()),
            );
        }
        let keys = KeySet::from_json(response.body())?;
        let id_token = tokens
            .id_token
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::InvalidIdToken))?;
        if !keys.has_key_of(&id_token) && !asked_again {
            return Ok(Stage::Keys {
                tokens,
                asked_again: true,
            });
        }
        let rules = IdTokenRules::new(&self.attempt.profile.issuer, self.client_id());
        let rules = if self.attempt.profile.nonce {
            rules.with_nonce(&self.nonce)
        } else {
            rules
        };
        let claims = keys.verify(&id_token, &rules, now.wall())?;
        if let Some(registration) = self.registration.take() {
            if registration
                .subject()
                .is_some_and(|saved| Some(saved) != claims.subject())
            {
                return Err(Error::new(ErrorKind::AccountChanged));
            }
            let registration = match claims.subject() {
                Some(subject) => registration.with_subject(subject),
                None => registration,
            };
            self.registration = Some(match claims.email() {
                Some(email) => registration.with_email(email),
                None => registration,
            });
        }
        self.accepted(tokens)
    }

    #[cfg(feature = "verify")]
    fn wait_for_keys(
        &mut self,
        now: Moment,
        tokens: TokenSet,
        asked_again: bool,
        error: Error,
    ) -> Result<Stage, Error> {
        self.repeat_after(now, error)?;
        Ok(Stage::Keys {
            tokens,
            asked_again,
        })
    }

    /// Notes a failure of a request that does no harm when repeated; gives the error back when it is one too many.
    fn repeat_after(&mut self, now: Moment, error: Error) -> Result<(), Error> {
        self.failures += 1;
        if self.failures > MOST_FAILURES {
            return Err(error);
        }
        self.resume_at = now.steady().saturating_add(PAUSE * self.failures);
        Ok(())
    }

    fn advance(&mut self, next: impl FnOnce(&mut Self, Stage) -> Result<Stage, Error>) {
        let stage = core::mem::replace(&mut self.stage, Stage::Away);
        self.stage = next(self, stage).unwrap_or_else(Stage::Failed);
    }
}

impl SignInFlow for BrowserFlow {
    fn poll(&mut self, now: Moment) -> Result<Step, Error> {
        match &self.stage {
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Done(sign_in) => return Ok(Step::Done(sign_in.as_ref().clone())),
            _ => {}
        }
        if let Some(prompt) = self.unseen.take() {
            return Ok(Step::Show(prompt));
        }
        let left = match self.deadline.left(now) {
            Ok(left) => left,
            Err(error) => {
                self.stage = Stage::Failed(error.clone());
                return Err(error);
            }
        };
        let pause = self.resume_at.saturating_sub(now.steady());
        Ok(match &self.stage {
            Stage::Registered { .. } => match &self.registration {
                Some(registration) => Step::Save(registration.clone()),
                None => Step::Wait(left),
            },
            _ if !pause.is_zero() => Step::Wait(pause.min(left)),
            Stage::Exchange { code } => Step::Send(self.exchange(code).request()),
            #[cfg(feature = "verify")]
            Stage::Keys { .. } => Step::Send(crate::verify::keys_request(&self.attempt.profile)?),
            Stage::ApiKey { exchange, .. } => Step::Send(exchange.request()),
            _ => Step::Wait(left),
        })
    }

    fn handle_response(&mut self, now: Moment, response: Response<Bytes>) {
        self.advance(|flow, stage| match stage {
            Stage::Exchange { code } => {
                let tokens = flow.exchange(&code).read(now, &response)?;
                flow.exchanged(tokens)
            }
            #[cfg(feature = "verify")]
            Stage::Keys {
                tokens,
                asked_again,
            } => flow.checked(now, tokens, asked_again, &response),
            // An account without a platform organization is refused here as a matter of course.
            Stage::ApiKey { tokens, exchange } => {
                Ok(flow.done(tokens, exchange.read(&response).ok()))
            }
            other => Ok(other),
        });
    }

    fn handle_failure(&mut self, now: Moment, failure: SendFailure) {
        self.advance(|flow, stage| match stage {
            Stage::Exchange { code } => {
                // A code works once: only one that certainly was not sent is sent again.
                let certain = !failure.may_have_been_sent();
                let error = lost(failure);
                if !certain {
                    return Err(error);
                }
                flow.repeat_after(now, error)?;
                Ok(Stage::Exchange { code })
            }
            #[cfg(feature = "verify")]
            Stage::Keys {
                tokens,
                asked_again,
            } => {
                let outage = Error::new(ErrorKind::Unavailable).with_source(failure.into_source());
                flow.wait_for_keys(now, tokens, asked_again, outage)
            }
            Stage::ApiKey { tokens, .. } => Ok(flow.done(tokens, None)),
            other => Ok(other),
        });
    }

    fn handle_saved(&mut self) {
        self.advance(|_, stage| match stage {
            Stage::Registered { code } => Ok(Stage::Exchange { code }),
            other => Ok(other),
        });
    }
}

impl fmt::Debug for BrowserFlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BrowserFlow")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

/// Refuses a login of a workspace that is not on the list, before anything of it is stored.
pub(crate) fn check_workspace(profile: &OAuthProfile, tokens: &TokenSet) -> Result<(), Error> {
    if profile.allowed_workspaces.is_empty() {
        return Ok(());
    }
    let workspace = tokens
        .id_claims()
        .and_then(|claims| claims.account_id().map(str::to_owned));
    if workspace.is_some_and(|workspace| profile.allowed_workspaces.contains(&workspace)) {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::WorkspaceNotAllowed))
    }
}

const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);
const PAUSE: Duration = Duration::from_secs(2);
const MOST_FAILURES: u32 = 5;
