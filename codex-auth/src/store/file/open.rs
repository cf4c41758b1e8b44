//! Options for opening files that hold credentials.

use std::fs::OpenOptions;

/// Creates the file with mode 0600 and does not follow links.
pub(super) fn owner_only(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    careful(options);
}

/// Does not follow links, and does not block on a pipe or a device.
#[cfg(unix)]
pub(super) fn careful(options: &mut OpenOptions) {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    // The flags are small positive constants on every system. If they were not, opening would fail
    // rather than follow a link.
    let flags = i32::try_from(flags.bits()).unwrap_or(i32::MAX);
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags);
}

#[cfg(not(unix))]
pub(super) fn careful(_options: &mut OpenOptions) {}
