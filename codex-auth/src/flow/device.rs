//! The device-code login of the Codex authority. It is not RFC 8628: two private calls end in an
//! ordinary code exchange whose verifier the server created. So TLS protects the exchange and PKCE
//! does not; and the statuses 403 and 404 mean "pending", unless the body reports that the user
//! declined.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::error::{Error, ErrorKind};
use crate::flow::browser::check_workspace;
use crate::flow::sign_in::{Deadline, Prompt, SignIn, SignInFlow, Step, lost};
use crate::moment::Moment;
use crate::oauth::calls::{CodeExchange, post};
use crate::oauth::profile::{BodyFormat, DeviceEndpoints, OAuthProfile};
use crate::oauth::response::{Purpose, declined, invalid_response, refusal, retry_after, success};
use crate::oauth::send::SendFailure;
use crate::secret::Secret;

/// A sign-in with a browser on another device, which shows a URL and a code and then polls until
/// the user has entered the code.
///
/// See [`drive`](crate::drive) for a whole sign-in. The user has fifteen minutes. While polling,
/// failures of the network and of the server (5xx, 429) are waited out; 403 and 404 mean that the
/// user has not finished yet, unless the body reports that the user declined.
#[derive(Debug)]
pub struct DeviceFlow {
    profile: OAuthProfile,
    endpoints: DeviceEndpoints,
    stage: Stage,
    /// The time on the steady clock before which nothing is sent.
    resume_at: Duration,
    failures: u32,
}

enum Stage {
    Start,
    Ask {
        code: DeviceCode,
        deadline: Deadline,
        unseen: bool,
    },
    Exchange {
        code: Secret,
        verifier: Secret,
        deadline: Deadline,
    },
    Done(Box<SignIn>),
    Failed(Error),
}

#[derive(Clone)]
struct DeviceCode {
    device_auth_id: Secret,
    user_code: Secret,
    interval: Duration,
}

impl DeviceFlow {
    /// Creates a device login at the authority of this profile.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidConfiguration`] if the profile is not valid or has no device
    /// login.
    pub fn new(profile: &OAuthProfile) -> Result<Self, Error> {
        profile.validate()?;
        let endpoints = profile
            .device
            .clone()
            .ok_or_else(|| Error::invalid_configuration("profile has no device login"))?;
        Ok(Self {
            profile: profile.clone(),
            endpoints,
            stage: Stage::Start,
            resume_at: Duration::ZERO,
            failures: 0,
        })
    }

    fn exchange<'a>(&'a self, code: &'a Secret, verifier: &'a Secret) -> CodeExchange<'a> {
        CodeExchange {
            endpoint: &self.profile.token_endpoint,
            client_id: &self.profile.client_id,
            code,
            verifier,
            redirect_uri: &self.endpoints.redirect_uri,
            resource: self.profile.resource.as_deref(),
        }
    }

    fn started(now: Moment, response: &Response<Bytes>) -> Result<Stage, Error> {
        if response.status() == StatusCode::NOT_FOUND {
            return Err(Error::new(ErrorKind::DeviceLoginDisabled).with_status(response.status()));
        }
        if !response.status().is_success() {
            return Err(refusal(Purpose::Other, response, &[]));
        }
        let answer = success(response)?;
        let missing = || invalid_response(response, "no device code");
        let user_code = answer
            .secret("user_code")
            .or_else(|| answer.secret("usercode"))
            .ok_or_else(missing)?;
        let device_auth_id = answer.secret("device_auth_id").ok_or_else(missing)?;
        let interval = answer
            .seconds("interval")
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(DEFAULT_INTERVAL);
        let interval = Duration::from_secs(interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL));
        let code = DeviceCode {
            device_auth_id,
            user_code,
            interval,
        };
        Ok(Stage::Ask {
            code,
            deadline: Deadline::after(now, TIME_LIMIT),
            unseen: true,
        })
    }

    fn asked(
        &mut self,
        now: Moment,
        mut code: DeviceCode,
        deadline: Deadline,
        response: &Response<Bytes>,
    ) -> Result<Stage, Error> {
        let status = response.status();
        let secrets = [&code.device_auth_id, &code.user_code];
        if let Some(error) = declined(response, &secrets) {
            return Err(error);
        }
        if !status.is_success() {
            let error = refusal(Purpose::Device, response, &secrets);
            // Otherwise an intermediary's challenge page would look like a user who takes fifteen
            // minutes.
            let intercepted = response.headers().contains_key("cf-mitigated");
            let pending = matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
                || error.code() == Some("authorization_pending");
            if pending && !intercepted {
                self.failures = 0;
                self.pause(now, code.interval);
                return Ok(Stage::Ask {
                    code,
                    deadline,
                    unseen: false,
                });
            }
            if error.kind() != ErrorKind::Unavailable {
                return Err(error);
            }
            if status == StatusCode::TOO_MANY_REQUESTS {
                // The longer interval stays, as RFC 8628 section 3.5 specifies for `slow_down`.
                code.interval = (code.interval + Duration::from_secs(DEFAULT_INTERVAL))
                    .min(Duration::from_secs(LONGEST_INTERVAL));
            }
            let pause = retry_after(response.headers()).unwrap_or_else(|| self.backoff(&code));
            self.pause(now, pause.max(code.interval));
            return Ok(Stage::Ask {
                code,
                deadline,
                unseen: false,
            });
        }
        let answer = success(response)?;
        let missing = || invalid_response(response, "no authorization code");
        let authorization_code = answer.secret("authorization_code").ok_or_else(missing)?;
        let verifier = answer.secret("code_verifier").ok_or_else(missing)?;
        self.resume_at = Duration::ZERO;
        self.failures = 0;
        Ok(Stage::Exchange {
            code: authorization_code,
            verifier,
            deadline,
        })
    }

    fn exchanged(
        &self,
        now: Moment,
        code: &Secret,
        verifier: &Secret,
        response: &Response<Bytes>,
    ) -> Result<Stage, Error> {
        let tokens = self.exchange(code, verifier).read(now, response)?;
        check_workspace(&self.profile, &tokens)?;
        Ok(Stage::Done(Box::new(SignIn {
            tokens,
            registration: None,
            api_key: None,
        })))
    }

    fn pause(&mut self, now: Moment, duration: Duration) {
        self.resume_at = now.steady().saturating_add(duration);
    }

    /// Returns the interval, doubled with every consecutive failure.
    fn backoff(&mut self, code: &DeviceCode) -> Duration {
        self.failures = (self.failures + 1).min(6);
        (code.interval * 2_u32.pow(self.failures)).min(Duration::from_secs(LONGEST_INTERVAL))
    }

    fn advance(&mut self, next: impl FnOnce(&mut Self, Stage) -> Result<Stage, Error>) {
        let stage = core::mem::replace(&mut self.stage, Stage::Start);
        self.stage = next(self, stage).unwrap_or_else(Stage::Failed);
    }
}

impl SignInFlow for DeviceFlow {
    fn poll(&mut self, now: Moment) -> Result<Step, Error> {
        let left = match &self.stage {
            Stage::Ask { deadline, .. } | Stage::Exchange { deadline, .. } => deadline.left(now),
            _ => Ok(Duration::MAX),
        };
        let left = match left {
            Ok(left) => left,
            Err(error) => {
                self.stage = Stage::Failed(error.clone());
                return Err(error);
            }
        };
        if let Stage::Ask {
            code,
            unseen: unseen @ true,
            ..
        } = &mut self.stage
        {
            *unseen = false;
            let prompt = Prompt::new(
                self.endpoints.verification_page.clone(),
                Some(code.user_code.clone()),
                left,
            );
            return Ok(Step::Show(prompt));
        }
        let pause = self.resume_at.saturating_sub(now.steady());
        match &self.stage {
            Stage::Failed(error) => Err(error.clone()),
            Stage::Done(sign_in) => Ok(Step::Done(sign_in.as_ref().clone())),
            _ if !pause.is_zero() => Ok(Step::Wait(pause.min(left))),
            Stage::Start => {
                let members = [("client_id", self.profile.client_id.as_str())];
                Ok(Step::Send(post(
                    &self.endpoints.user_code,
                    BodyFormat::Json,
                    &members,
                )))
            }
            Stage::Ask { code, .. } => {
                let members = [
                    ("device_auth_id", code.device_auth_id.expose()),
                    ("user_code", code.user_code.expose()),
                ];
                Ok(Step::Send(post(
                    &self.endpoints.token,
                    BodyFormat::Json,
                    &members,
                )))
            }
            Stage::Exchange { code, verifier, .. } => {
                Ok(Step::Send(self.exchange(code, verifier).request()))
            }
        }
    }

    fn handle_response(&mut self, now: Moment, response: Response<Bytes>) {
        self.advance(|flow, stage| match stage {
            Stage::Start => Self::started(now, &response),
            Stage::Ask { code, deadline, .. } => flow.asked(now, code, deadline, &response),
            Stage::Exchange { code, verifier, .. } => {
                flow.exchanged(now, &code, &verifier, &response)
            }
            other => Ok(other),
        });
    }

    fn handle_failure(&mut self, now: Moment, failure: SendFailure) {
        self.advance(|flow, stage| match stage {
            Stage::Ask { code, deadline, .. } => {
                let pause = flow.backoff(&code);
                flow.pause(now, pause);
                Ok(Stage::Ask {
                    code,
                    deadline,
                    unseen: false,
                })
            }
            // A code works once: it is resent only if the request provably was not sent.
            Stage::Exchange {
                code,
                verifier,
                deadline,
            } if !failure.may_have_been_sent() => {
                flow.pause(now, Duration::from_secs(SHORTEST_INTERVAL));
                Ok(Stage::Exchange {
                    code,
                    verifier,
                    deadline,
                })
            }
            Stage::Start | Stage::Exchange { .. } => Err(lost(failure)),
            other => Ok(other),
        });
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "Start",
            Self::Ask { .. } => "Ask",
            Self::Exchange { .. } => "Exchange",
            Self::Done(_) => "Done",
            Self::Failed(_) => "Failed",
        })
    }
}

/// The lifetime of the codes, counted from the moment when the code was issued.
const TIME_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The polling interval in seconds if the server does not specify one, and the bounds of what it
/// may specify.
const DEFAULT_INTERVAL: u64 = 5;
const SHORTEST_INTERVAL: u64 = 1;
const LONGEST_INTERVAL: u64 = 60;
