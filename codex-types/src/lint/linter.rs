//! The settings of the linter.

use alloc::string::String;
use alloc::vec::Vec;

use crate::model_name::ModelTable;
use crate::profile::{Channel, Profile, RequestForm};

/// A linter: checks requests before they are sent.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Linter {
    /// The backend that the requests are for.
    pub profile: Profile,
    /// The channel over which they are sent.
    pub channel: Channel,
    /// The form in which they are written; `None` for the profile's form for the model.
    pub form: Option<RequestForm>,
    /// The repair of calls without outputs, and of outputs without calls.
    pub pairing: Pairing,
    /// The ids of calls whose outputs are pending, so that their absence is not a fault.
    pub in_flight: Vec<String>,
    /// The table of known models.
    pub models: ModelTable,
}

/// The repair of calls without outputs, and of outputs without calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pairing {
    /// Reports the items: the diagnostic has no fix.
    Report,
    /// Removes the items.
    Drop,
    /// Converts the items to messages with the same content.
    Convert,
    /// Adds an output to each call, which reports that none was recorded, in the form of the call's
    /// kind; converts outputs to messages; and removes computer calls, which only a screenshot can
    /// answer.
    Answer,
}

impl Linter {
    /// Creates a linter for requests to this backend over HTTP, which removes items without a
    /// counterpart.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            channel: Channel::Http,
            form: None,
            pairing: Pairing::Drop,
            in_flight: Vec::new(),
            models: ModelTable::new(),
        }
    }

    /// Sets [`channel`](field@Self::channel).
    #[must_use]
    pub fn channel(mut self, channel: Channel) -> Self {
        self.channel = channel;
        self
    }

    /// Sets [`form`](field@Self::form).
    #[must_use]
    pub fn form(mut self, form: RequestForm) -> Self {
        self.form = Some(form);
        self
    }

    /// Sets [`pairing`](field@Self::pairing).
    #[must_use]
    pub fn pairing(mut self, pairing: Pairing) -> Self {
        self.pairing = pairing;
        self
    }

    /// Sets [`in_flight`](field@Self::in_flight).
    #[must_use]
    pub fn in_flight(mut self, call_ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.in_flight = call_ids.into_iter().map(Into::into).collect();
        self
    }
}
