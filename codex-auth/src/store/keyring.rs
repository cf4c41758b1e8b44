//! A login in the operating system's keyring. A keyring has neither a lock nor a compare-and-swap
//! operation, so a lock file provides both: all holders of the entry agree on its path. There is no
//! silent fallback to plain text.

use core::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::store::file::{Files, System};
use crate::store::record::{Record, hexadecimal};
use crate::store::token_store::{Revision, StoreLock, Stored, TokenStore};

/// A store in the operating system's keyring: Keychain on macOS, Credential Manager on Windows, the
/// Secret Service elsewhere.
///
/// Windows keeps at most 2560 bytes in an entry, which some logins exceed; that is an error, not a
/// truncation. A machine without a keyring (a server, a container) is an error as well: choose a
/// [`FileStore`](crate::FileStore) explicitly there.
///
/// ```
/// let lock = std::env::temp_dir().join("my-app").join("login.lock");
/// let store = codex_auth::KeyringStore::new("my-app", "me", lock);
/// // The keyring is not used before the store is.
/// assert_eq!(format!("{store:?}"), r#"KeyringStore { service: "my-app", .. }"#);
/// ```
#[derive(Clone)]
pub struct KeyringStore {
    entries: Arc<Entries<Native>>,
}

impl KeyringStore {
    /// Creates a store in the entry of this service and user. All programs that share it must use
    /// the same lock file, whose directory is created if necessary.
    #[must_use]
    pub fn new(
        service: impl Into<String>,
        user: impl Into<String>,
        lock: impl Into<PathBuf>,
    ) -> Self {
        let native = Native {
            service: service.into(),
            user: user.into(),
        };
        Self {
            entries: Arc::new(Entries::new(native, lock.into(), true)),
        }
    }

    /// Creates a read-only store of the official client's entry for this home directory
    /// ([`codex_home`](crate::codex_home)).
    #[must_use]
    pub fn codex_cli(home: &Path) -> Self {
        let home = std::fs::canonicalize(home).unwrap_or_else(|_| home.to_owned());
        let digest = hexadecimal(&Sha256::digest(home.to_string_lossy().as_bytes())[..8]);
        let native = Native {
            service: "Codex Auth".to_owned(),
            user: format!("cli|{digest}"),
        };
        Self {
            entries: Arc::new(Entries::new(native, home.join("keyring.lock"), false)),
        }
    }
}

impl TokenStore for KeyringStore {
    fn load(&self) -> Result<Option<Stored>, Error> {
        self.entries.load()
    }

    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
        self.entries.save(record, expected)
    }

    fn clear(&self) -> Result<bool, Error> {
        self.entries.clear()
    }

    fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
        Ok(self.entries.lock.try_lock()?.map(StoreLock::new))
    }

    fn is_read_only(&self) -> bool {
        !self.entries.writable
    }
}

impl fmt::Debug for KeyringStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyringStore")
            .field("service", &self.entries.keyring.service)
            .finish_non_exhaustive()
    }
}

/// The operations of a keyring.
trait Keyring: Send + Sync + 'static {
    fn read(&self) -> Result<Option<Zeroizing<String>>, Error>;
    fn write(&self, text: &str) -> Result<(), Error>;
    fn remove(&self) -> Result<bool, Error>;
}

/// The store itself, over any keyring.
struct Entries<K> {
    keyring: K,
    lock: Files<System>,
    writable: bool,
}

impl<K: Keyring> Entries<K> {
    fn new(keyring: K, lock: PathBuf, writable: bool) -> Self {
        Self {
            keyring,
            lock: Files::new(lock, writable, System),
            writable,
        }
    }

    fn load(&self) -> Result<Option<Stored>, Error> {
        self.keyring
            .read()?
            .map(|text| {
                Ok(Stored::new(
                    Record::from_json(text.as_bytes())?,
                    revision(&text),
                ))
            })
            .transpose()
    }

    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
        let _locks = self.lock.lock_for_commit()?;
        if self.keyring.read()?.map(|text| revision(&text)).as_ref() != expected {
            return Err(Error::store_conflict());
        }
        let text = record.to_json();
        self.keyring.write(text.expose())?;
        Ok(revision(text.expose()))
    }

    fn clear(&self) -> Result<bool, Error> {
        let _locks = self.lock.lock_for_commit()?;
        self.keyring.remove()
    }
}

struct Native {
    service: String,
    user: String,
}

impl Native {
    fn entry(&self) -> Result<keyring::Entry, Error> {
        keyring::Entry::new(&self.service, &self.user).map_err(failed)
    }
}

impl Keyring for Native {
    fn read(&self) -> Result<Option<Zeroizing<String>>, Error> {
        match self.entry()?.get_password() {
            Ok(text) => Ok(Some(Zeroizing::new(text))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        self.entry()?.set_password(text).map_err(failed)
    }

    fn remove(&self) -> Result<bool, Error> {
        match self.entry()?.delete_credential() {
            Ok(()) => Ok(true),
            Err(keyring::Error::NoEntry) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Reports the keyring's own error by kind alone: some of its variants contain the secret that
/// could not be read.
fn failed(error: keyring::Error) -> Error {
    let detail = match error {
        keyring::Error::NoStorageAccess(_) => "keyring is locked or unreachable",
        keyring::Error::NoDefaultStore => "no keyring",
        keyring::Error::TooLong(..) => "login is too long for the keyring",
        keyring::Error::BadEncoding(_) => "keyring entry is not text",
        keyring::Error::Ambiguous(_) => "more than one matching keyring entry",
        _ => "keyring failed",
    };
    Error::new(ErrorKind::Store).with_detail(detail)
}

fn revision(text: &str) -> Revision {
    Revision::new(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::secret::Secret;

    #[derive(Default)]
    struct Memory(Mutex<Option<String>>);

    impl Keyring for Memory {
        fn read(&self) -> Result<Option<Zeroizing<String>>, Error> {
            Ok(self.0.lock().unwrap().clone().map(Zeroizing::new))
        }
        fn write(&self, text: &str) -> Result<(), Error> {
            *self.0.lock().unwrap() = Some(text.to_owned());
            Ok(())
        }
        fn remove(&self) -> Result<bool, Error> {
            Ok(self.0.lock().unwrap().take().is_some())
        }
    }

    #[test]
    fn entries_are_swapped_and_removed_like_files() {
        let directory =
            std::env::temp_dir().join(format!("codex-auth-keyring-{}", std::process::id()));
        let entries = Entries::new(Memory::default(), directory.join("login"), true);
        assert!(entries.load().unwrap().is_none());
        let record = Record::of_api_key(Secret::from("sk-invented"));
        let first = entries.save(&record, None).unwrap();
        assert_eq!(
            entries.save(&record, None).unwrap_err().kind(),
            ErrorKind::StoreConflict
        );
        assert_eq!(entries.load().unwrap().unwrap().revision(), &first);
        entries.save(&Record::default(), Some(&first)).unwrap();
        assert!(entries.clear().unwrap() && !entries.clear().unwrap());
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn the_official_entry_is_named_by_the_home_directory() {
        let store = KeyringStore::codex_cli(Path::new("/nonexistent/.codex"));
        // The first sixteen digits of `printf /nonexistent/.codex | sha256sum`.
        assert_eq!(store.entries.keyring.user, "cli|9571d6c99fb0e3f4");
        assert!(store.is_read_only());
        assert_eq!(
            store
                .save(&Record::default(), None)
                .unwrap_err()
                .to_string(),
            "token store failed: store is read-only"
        );
    }
}
