//! Events of WebSockets and of the ChatGPT backend, and the error event.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{ApiError, PlanType};
use crate::event::common::{Common, EventPayload, event};
use crate::request::Input;
use crate::tool::ToolSearchExecution;
use crate::wire::object::object;
use crate::{Map, Number, RawJson};

event! {
    /// An event with metadata next to the response: `response.metadata` and
    /// `codex.response.metadata` of the ChatGPT backend.
    pub struct MetadataEvent {
        required {}
        optional {
            /// Advice and notices, each under its own key.
            metadata: Map<RawJson>,
            /// Response headers, sent in-band by the ChatGPT backend.
            headers: Map<RawJson>,
            /// The id of the response.
            response_id: String,
        }
    }
}

object! {
    /// An event with the usage of the account's limits: `codex.rate_limits` of the ChatGPT backend.
    pub struct RateLimitsEvent {
        required {}
        optional {
            /// The plan of the account.
            plan_type: PlanType,
            /// The windows of the limit.
            rate_limits: RateLimitsBody,
            /// The windows of further limits, by name.
            additional_rate_limits: RawJson,
            /// Purchased credits.
            credits: CreditsBody,
            /// The name of the limit.
            metered_limit_name: String,
            /// The display name of the limit; identifies the limit if the other name is missing.
            limit_name: String,
            /// A promotional notice.
            promo: RawJson,
            /// The id of the event's stream, on a WebSocket that multiplexes streams.
            stream_id: String,
        }
    }
}

impl EventPayload for RateLimitsEvent {
    fn common(&self) -> Common<'_> {
        Common::new(None, &self.stream_id)
    }
}

object! {
    /// The windows of a limit in an event.
    pub struct RateLimitsBody {
        required {}
        optional {
            /// Whether requests are allowed.
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
    /// One window of a limit in an event.
    pub struct RateLimitWindowBody {
        required {}
        optional {
            /// The used portion, in percent.
            used_percent: Number,
            /// The length of the window in minutes.
            window_minutes: Number,
            /// The time at which the window resets, as a Unix timestamp in seconds.
            reset_at: Number,
            /// The number of seconds until then.
            reset_after_seconds: Number,
        }
    }
}

object! {
    /// The purchased credits in an event.
    pub struct CreditsBody {
        required {}
        optional {
            /// Whether the account has credits.
            has_credits = bool,
            /// Whether credits are unlimited.
            unlimited = bool,
            /// The credit balance.
            balance: String,
        }
    }
}

event! {
    /// An event that only keeps the connection alive or measures it.
    pub struct NoticeEvent {
        required {}
    }
}

event! {
    /// The acceptance of the input of a `response.steer`, or a notice that it is pending.
    pub struct SteerEvent {
        plain {
            /// The steering input that the event is about.
            steer: Steer,
        }
        optional {
            /// Pending: the reason. Currently `waiting_for_required_input`.
            reason: String,
            /// Pending: the input that is required first.
            required_input: Vec<SteerRequiredInput>,
        }
    }
}

object! {
    /// An output that the service requires before it steers a response.
    pub struct SteerRequiredInput {
        required {
            /// The kind of the required item, such as `function_call_output`.
            kind as "type": String,
        }
        optional {
            /// The id of the call that requires an output.
            call_id: String,
            /// The name of the called function.
            name: String,
            /// Tool search: which side runs the search.
            execution: ToolSearchExecution,
            /// MCP tools: the id of the approval request that requires a response.
            approval_request_id: String,
        }
    }
}

event! {
    /// The failure of a `response.steer`.
    pub struct SteerFailedEvent {
        plain {
            /// The error.
            error: ApiError,
            /// The steering input that the event is about.
            steer: Steer,
        }
    }
}

object! {
    /// The input with which a response was to be steered.
    pub struct Steer {
        plain {
            /// The id of the response.
            previous_response_id: String,
        }
        optional {
            /// The id of the steering input.
            id: String,
            /// Failed: the input.
            input: Input,
        }
    }
}
