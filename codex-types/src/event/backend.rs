//! Events of sockets and of the ChatGPT backend, and the error event.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{ApiError, PlanType};
use crate::item::ToolSearchExecution;
use crate::request::Input;
use crate::wire::object::object;
use crate::{Map, Number, RawJson};

object! {
    /// What the service says beside the response: `response.metadata` and
    /// `codex.response.metadata` of the ChatGPT backend.
    pub struct MetadataEvent {
        required {}
        optional {
            /// Advice and notices, each under a key of its own.
            metadata: Map<RawJson>,
            /// What would be headers over HTTP.
            headers: Map<RawJson>,
            /// The response.
            response_id: String,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// How much of the account's limits is used: `codex.rate_limits` of the ChatGPT backend.
    pub struct RateLimitsEvent {
        required {}
        optional {
            /// The plan of the account.
            plan_type: PlanType,
            /// The windows of the limit.
            rate_limits: RateLimitsBody,
            /// The windows of further limits, by name.
            additional_rate_limits: RawJson,
            /// What was bought beyond the plan.
            credits: CreditsBody,
            /// Names the limit.
            metered_limit_name: String,
            /// The limit's name for people; names the limit where the other is missing.
            limit_name: String,
            /// A notice about an offer.
            promo: RawJson,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The windows of a limit, as an event tells them.
    pub struct RateLimitsBody {
        required {}
        optional {
            /// Whether requests are served.
            allowed = bool,
            /// Whether a limit is reached.
            limit_reached = bool,
            /// The shorter window.
            primary: RateLimitWindowBody,
            /// The longer window.
            secondary: RateLimitWindowBody,
        }
    }
}

object! {
    /// One window of a limit, as an event tells it.
    pub struct RateLimitWindowBody {
        required {}
        optional {
            /// How much is used, in percent.
            used_percent: Number,
            /// The length of the window in minutes.
            window_minutes: Number,
            /// When it starts anew, in seconds since 1970.
            reset_at: Number,
            /// In how many seconds that is.
            reset_after_seconds: Number,
        }
    }
}

object! {
    /// What was bought beyond a plan, as an event tells it.
    pub struct CreditsBody {
        required {}
        optional {
            /// Whether there are any.
            has_credits = bool,
            /// Whether they never end.
            unlimited = bool,
            /// How many there are.
            balance: String,
        }
    }
}

object! {
    /// Something that only keeps the connection alive or measures it.
    pub struct NoticeEvent {
        required {}
        optional {
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// The service accepted, or holds back, what `response.steer` gave it.
    pub struct SteerEvent {
        plain {
            /// What it is about.
            steer: Steer,
        }
        optional {
            /// Pending: why. `waiting_for_required_input` today.
            reason: String,
            /// Pending: what has to be given first.
            required_input: Vec<SteerRequiredInput>,
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// An output the service waits for before it steers a response.
    pub struct SteerRequiredInput {
        required {
            /// The kind of item it waits for, such as `function_call_output`.
            kind as "type": String,
        }
        optional {
            /// The call that has to be answered.
            call_id: String,
            /// The function that was called.
            name: String,
            /// Tool search: who searches.
            execution: ToolSearchExecution,
            /// Remote tools: the question that has to be answered.
            approval_request_id: String,
        }
    }
}

object! {
    /// The service could not do what `response.steer` asked for.
    pub struct SteerFailedEvent {
        plain {
            /// Why.
            error: ApiError,
            /// What it is about.
            steer: Steer,
        }
        optional {
            /// The number of the event within its response.
            sequence_number = u64,
            /// The lane of a socket that the event belongs to.
            stream_id: String,
        }
    }
}

object! {
    /// What a response was to be steered with.
    pub struct Steer {
        plain {
            /// The response.
            previous_response_id: String,
        }
        optional {
            /// Names the steering.
            id: String,
            /// Failed: what was given.
            input: Input,
        }
    }
}
