//! The start of a browser sign-in: the parameters of the authorize request, encoded into a URL.

use core::time::Duration;

use crate::encode::percent_encode;
use crate::error::Error;
use crate::oauth::profile::OAuthProfile;
use crate::oauth::registration::Registration;
use crate::random::{Entropy, challenge};
use crate::secret::Secret;

/// The settings of a browser sign-in.
///
/// ```
/// use codex_auth::{BrowserSignIn, Entropy, Moment, OAuthProfile, SignInFlow, Step};
///
/// // 1. Listen on 127.0.0.1 and ::1, port 1455 or 1457. 2. Begin.
/// let mut flow = BrowserSignIn::new(OAuthProfile::codex(), 1455)
///     .begin(Moment::now(), &Entropy::from_bytes([7; 128]))?;
/// let Step::Show(prompt) = flow.poll(Moment::now())? else { panic!("the address comes first") };
/// assert!(
///     prompt
///         .url()
///         .starts_with("https://auth.openai.com/oauth/authorize?response_type=code&")
/// );
///
/// // 3. A browser connects to the listener. A guessed redirect changes nothing:
/// assert!(
///     flow.handle_redirect(Moment::now(), "/auth/callback?code=stolen&state=guessed")
///         .is_err()
/// );
/// // The user's redirect does:
/// let state = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
/// flow.handle_redirect(Moment::now(), &format!("/auth/callback?code=abc&state={state}"))?;
///
/// // 4. Send the exchange, hand in the answer.
/// let Step::Send(request) = flow.poll(Moment::now())? else { panic!("the code is exchanged") };
/// assert_eq!(request.uri().path(), "/oauth/token");
/// let answer =
///     r#"{"id_token":"e30.e30.c2ln","access_token":"invented","refresh_token":"invented"}"#;
/// flow.handle_response(Moment::now(), http::Response::new(answer.into()));
/// assert!(matches!(flow.poll(Moment::now())?, Step::Done(_)));
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BrowserSignIn {
    pub(crate) profile: OAuthProfile,
    pub(crate) port: u16,
    pub(crate) returning: Option<Registration>,
    pub(crate) id_token_hint: Option<Secret>,
    pub(crate) consent: bool,
    pub(crate) api_key: bool,
    pub(crate) time_limit: Duration,
}

/// The values that one attempt sends and expects.
pub(super) struct Prepared {
    pub(super) url: String,
    pub(super) redirect_uri: String,
    pub(super) redirect_path: String,
    pub(super) verifier: Secret,
    pub(super) state: Secret,
    pub(super) nonce: Secret,
}

impl BrowserSignIn {
    /// Creates a sign-in whose redirect goes to a loopback listener on this port.
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

    /// Uses the client id of an existing registration of this installation, and refuses another
    /// account.
    #[must_use]
    pub fn returning(mut self, registration: Registration) -> Self {
        self.returning = Some(registration);
        self
    }

    /// Skips the account selector for a returning user. The URL then contains this token: do not
    /// print it.
    #[must_use]
    pub fn with_id_token_hint(mut self, id_token: Secret) -> Self {
        self.id_token_hint = Some(id_token);
        self
    }

    /// Prompts the user again for what the grant lacks (`prompt=consent`). Use this only at the
    /// user's request.
    #[must_use]
    pub fn asking_for_consent(mut self) -> Self {
        self.consent = true;
        self
    }

    /// Adds an exchange of the ID token for a platform API key, if the account is eligible.
    /// Requests with the key are charged to the API account.
    #[must_use]
    pub fn with_api_key_exchange(mut self) -> Self {
        self.api_key = true;
        self
    }

    /// Sets the time limit for the user to complete the sign-in. The default is ten minutes.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }

    /// Checks the settings and creates the values of this attempt.
    pub(super) fn prepare(&self, entropy: &Entropy) -> Result<Prepared, Error> {
        self.profile.validate()?;
        if self.profile.jwks_endpoint.is_some() && cfg!(not(feature = "verify")) {
            return Err(Error::invalid_configuration(
                "profile requires ID token verification; enable the feature `verify`",
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
        Ok(Prepared {
            url,
            redirect_uri,
            redirect_path: rule.path,
            verifier,
            state,
            nonce,
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

const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);
