//! The authorization-code flow with PKCE (RFC 6749 section 4.1, RFC 7636, RFC 8252) through the
//! user's browser, for profiles with a fixed client id and for those where the installation
//! registers itself during sign-in.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::error::{Error, ErrorKind};
use crate::flow::authorize::{BrowserSignIn, Prepared};
use crate::flow::redirect;
use crate::flow::sign_in::{Deadline, Prompt, SignIn, SignInFlow, Step, lost};
use crate::moment::Moment;
use crate::oauth::calls::{ApiKeyExchange, CodeExchange};
use crate::oauth::profile::OAuthProfile;
use crate::oauth::registration::Registration;
use crate::oauth::send::SendFailure;
use crate::random::Entropy;
use crate::secret::Secret;
use crate::token::set::TokenSet;

/// A browser sign-in in progress; see [`BrowserSignIn`](crate::BrowserSignIn).
pub struct BrowserFlow {
    attempt: BrowserSignIn,
    redirect_uri: String,
    redirect_path: String,
    verifier: Secret,
    state: Secret,
    #[cfg_attr(
        not(feature = "verify"),
        expect(dead_code, reason = "used only when ID tokens are verified")
    )]
    nonce: Secret,
    prompt: Prompt,
    unseen: Option<Prompt>,
    deadline: Deadline,
    registration: Option<Registration>,
    stage: Stage,
    /// The time on the steady clock before which no request is repeated.
    resume_at: Duration,
    failures: u32,
}

enum Stage {
    /// The user is in the browser.
    Away,
    /// The issued client id must be stored before the code is exchanged.
    Registered {
        code: Secret,
    },
    Exchange {
        code: Secret,
    },
    #[cfg(feature = "verify")]
    Keys {
        tokens: Box<TokenSet>,
        asked_again: bool,
    },
    ApiKey {
        tokens: Box<TokenSet>,
        exchange: Box<ApiKeyExchange>,
    },
    Done(Box<SignIn>),
    Failed(Error),
}

impl BrowserSignIn {
    /// Starts a sign-in attempt with these settings.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`](crate::ErrorKind::InvalidConfiguration) if the
    /// profile is not valid, does not allow redirects to this port, or requires ID tokens to be
    /// checked while the feature `verify` is off.
    pub fn begin(self, now: Moment, entropy: &Entropy) -> Result<BrowserFlow, Error> {
        let prepared = self.prepare(entropy)?;
        Ok(BrowserFlow::begin(self, now, prepared))
    }
}

impl BrowserFlow {
    fn begin(attempt: BrowserSignIn, now: Moment, prepared: Prepared) -> Self {
        let prompt = Prompt::new(prepared.url, None, attempt.time_limit);
        Self {
            deadline: Deadline::after(now, attempt.time_limit),
            attempt,
            redirect_uri: prepared.redirect_uri,
            redirect_path: prepared.redirect_path,
            verifier: prepared.verifier,
            state: prepared.state,
            nonce: prepared.nonce,
            prompt: prompt.clone(),
            unseen: Some(prompt),
            registration: None,
            stage: Stage::Away,
            resume_at: Duration::ZERO,
            failures: 0,
        }
    }

    /// Returns the URL to open; [`Step::Show`] contains it too.
    #[must_use]
    pub fn authorize_url(&self) -> &str {
        self.prompt.url()
    }

    /// Returns the URI to which the browser is redirected.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Handles the redirect: a request target (`/auth/callback?...`), the whole URL, or the query
    /// alone.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::StateMismatch`] if the redirect does not belong to this attempt, which
    /// stays valid; respond to the browser with status 400. Every other error ends the attempt, and
    /// [`poll`](SignInFlow::poll) repeats it: [`Denied`](ErrorKind::Denied),
    /// [`MissingEntitlement`](ErrorKind::MissingEntitlement),
    /// [`MalformedRedirect`](ErrorKind::MalformedRedirect), [`TimedOut`](ErrorKind::TimedOut).
    pub fn handle_redirect(&mut self, now: Moment, target: &str) -> Result<(), Error> {
        let query =
            redirect::query_of(target).ok_or_else(|| Error::new(ErrorKind::StateMismatch))?;
        if !matches!(self.stage, Stage::Away) {
            // The first valid redirect uses up the state of the attempt.
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

    /// Handles text that a user pasted: the URL at which the browser ended, or the code alone.
    ///
    /// A URL is checked like a redirect. A lone code has no state to check; it is protected because
    /// only the code of an attempt with this flow's challenge can be exchanged with this flow's
    /// verifier.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`handle_redirect`](Self::handle_redirect); also
    /// [`ErrorKind::MalformedRedirect`] for a lone code if the redirect must contain a client id,
    /// and for blank text. Neither ends the attempt: prompt again.
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
            return Err(Error::new(ErrorKind::MalformedRedirect)
                .with_detail("expected the whole address, not the code alone"));
        }
        self.registration.clone_from(&self.attempt.returning);
        self.stage = Stage::Exchange {
            code: Secret::from(code),
        };
        Ok(())
    }

    /// Decides the client id under which the code is exchanged.
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
        let missing =
            || Error::new(ErrorKind::MalformedRedirect).with_detail("no issued client id");
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
            return Err(Error::new(ErrorKind::InvalidResponse).with_detail("no refresh token"));
        }
        #[cfg(feature = "verify")]
        if profile.jwks_endpoint.is_some() {
            if tokens.id_token.is_none() {
                return Err(Error::new(ErrorKind::InvalidResponse).with_detail("no ID token"));
            }
            return Ok(Stage::Keys {
                tokens: Box::new(tokens),
                asked_again: false,
            });
        }
        self.accepted(tokens)
    }

    fn accepted(&self, tokens: TokenSet) -> Result<Stage, Error> {
        match (&tokens.id_token, self.attempt.api_key) {
            (Some(id_token), true) => {
                let exchange = ApiKeyExchange::new(&self.attempt.profile, id_token.clone())?;
                Ok(Stage::ApiKey {
                    tokens: Box::new(tokens),
                    exchange: Box::new(exchange),
                })
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
        use crate::jwt::verify::{IdTokenRules, KeySet};
        if !response.status().is_success() {
            // The keys cannot be fetched, which does not make the token invalid.
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
                tokens: Box::new(tokens),
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
            tokens: Box::new(tokens),
            asked_again,
        })
    }

    /// Records a failure of a request that can safely be repeated; returns the error once the
    /// attempts are used up.
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
            Stage::Keys { .. } => {
                Step::Send(crate::jwt::verify::keys_request(&self.attempt.profile)?)
            }
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
            } => flow.checked(now, *tokens, asked_again, &response),
            // The authority regularly refuses an account without a platform organization here.
            Stage::ApiKey { tokens, exchange } => {
                Ok(flow.done(*tokens, exchange.read(&response).ok()))
            }
            other => Ok(other),
        });
    }

    fn handle_failure(&mut self, now: Moment, failure: SendFailure) {
        self.advance(|flow, stage| match stage {
            Stage::Exchange { code } => {
                // A code works once: it is resent only if the request provably was not sent.
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
                flow.wait_for_keys(now, *tokens, asked_again, outage)
            }
            Stage::ApiKey { tokens, .. } => Ok(flow.done(*tokens, None)),
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrowserFlow")
            .field("redirect_uri", &self.redirect_uri)
            .finish_non_exhaustive()
    }
}

/// Refuses a login of a workspace that is not on the list, before any of it is stored.
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

const PAUSE: Duration = Duration::from_secs(2);
const MOST_FAILURES: u32 = 5;
