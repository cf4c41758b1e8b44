//! The names of models: those of clients, and those of the services.

/// A model that the gateway requests under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Renamed {
    from: String,
    to: String,
    /// Whether the names are only the beginnings of longer ones.
    is_prefix: bool,
}

impl Renamed {
    /// Parses `FROM=TO`; with `*` at the end of both, the rest of the name stays.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('=')?;
        let (prefix, replacement) = (from.strip_suffix('*'), to.strip_suffix('*'));
        let is_prefix = prefix.is_some();
        let (from, to) = (prefix.unwrap_or(from), replacement.unwrap_or(to));
        let is_name = |name: &str| is_prefix || !name.is_empty();
        let is_whole = |name: &str| !name.contains('*');
        (is_prefix == replacement.is_some() && [from, to].into_iter().all(is_name))
            .then_some(())
            .filter(|()| is_whole(from) && is_whole(to))?;
        Some(Self {
            from: from.to_owned(),
            to: to.to_owned(),
            is_prefix,
        })
    }

    /// Returns the name that this one becomes.
    pub(crate) fn apply(&self, model: &str) -> Option<String> {
        let rest = model.strip_prefix(&self.from)?;
        (self.is_prefix || rest.is_empty()).then(|| format!("{}{rest}", self.to))
    }

    /// Returns the name that becomes this one.
    pub(crate) fn revert(&self, model: &str) -> Option<String> {
        let rest = model.strip_prefix(&self.to)?;
        (self.is_prefix || rest.is_empty()).then(|| format!("{}{rest}", self.from))
    }
}
