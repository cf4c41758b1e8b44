//! The store of a login. The trait is synchronous, because files and keyrings are. It uses
//! compare-and-swap, because several programs may use one store, and the loser of a race must find
//! out before it overwrites the winner's tokens.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::error::{Error, ErrorKind};
use crate::lock::lock;
use crate::store::record::Record;

/// A store of one account's login: a file, a keyring or a row of a database.
///
/// # A shared database
///
/// Processes on many machines share a login through a table with one row for each account, whose
/// revision changes with every write. [`save`](Self::save) is one conditional update. The lock is
/// an advisory lock, if the database has them; the example `shared_store` of this crate is such a
/// store over PostgreSQL. Otherwise it is a lease: a column with the time at which it ends, also
/// taken by a conditional update. A lease should last longer than the time limit of
/// [`OAuthSource`](crate::OAuthSource) for a refresh, so that it does not end while its holder
/// still runs.
///
/// ```
/// use codex_auth::{Error, Record, Revision, Secret, StoreLock, Stored, TokenStore};
/// use std::{
///     collections::HashMap,
///     sync::{Arc, Mutex},
///     time::{Duration, Instant},
/// };
///
/// /// Stands for the table `create table logins (account text primary key, json text, revision
/// /// bigint, leased_until timestamp)`.
/// #[derive(Default)]
/// struct Row {
///     json: Option<Secret>,
///     revision: u64,
///     leased_until: Option<Instant>,
/// }
///
/// #[derive(Clone)]
/// struct TableStore {
///     table: Arc<Mutex<HashMap<String, Row>>>,
///     account: String,
/// }
///
/// impl TableStore {
///     fn row<T>(&self, query: impl FnOnce(&mut Row) -> T) -> T {
///         query(
///             self.table
///                 .lock()
///                 .unwrap()
///                 .entry(self.account.clone())
///                 .or_default(),
///         )
///     }
/// }
///
/// impl TokenStore for TableStore {
///     /// `select json, revision from logins where account = ?`
///     fn load(&self) -> Result<Option<Stored>, Error> {
///         let found = self.row(|row| row.json.clone().map(|json| (json, row.revision)));
///         found
///             .map(|(json, revision)| {
///                 Ok(Stored::new(
///                     Record::from_json(json.expose().as_bytes())?,
///                     Revision::new(revision.to_be_bytes()),
///                 ))
///             })
///             .transpose()
///     }
///
///     /// `update logins set json = ?, revision = revision + 1
///     /// where account = ? and revision = ?`, then checks the number of changed rows.
///     fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
///         self.row(|row| {
///             let found = row
///                 .json
///                 .is_some()
///                 .then(|| Revision::new(row.revision.to_be_bytes()));
///             if found.as_ref() != expected {
///                 return Err(Error::store_conflict());
///             }
///             row.revision += 1;
///             row.json = Some(record.to_json());
///             Ok(Revision::new(row.revision.to_be_bytes()))
///         })
///     }
///
///     /// `update logins set json = null, revision = revision + 1 where account = ?`
///     fn clear(&self) -> Result<bool, Error> {
///         Ok(self.row(|row| {
///             row.revision += 1;
///             row.json.take().is_some()
///         }))
///     }
///
///     /// `update logins set leased_until = now() + '60 seconds'
///     /// where account = ? and (leased_until is null or leased_until < now())`
///     fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
///         let now = Instant::now();
///         let taken = self.row(|row| {
///             let free = row.leased_until.is_none_or(|end| end < now);
///             if free {
///                 row.leased_until = Some(now + Duration::from_secs(60))
///             }
///             free
///         });
///         struct Lease(TableStore);
///         impl Drop for Lease {
///             fn drop(&mut self) {
///                 self.0.row(|row| row.leased_until = None)
///             }
///         }
///         Ok(taken.then(|| StoreLock::new(Lease(self.clone()))))
///     }
/// }
///
/// let store = TableStore {
///     table: Arc::default(),
///     account: "me".to_owned(),
/// };
/// let first = store.save(&Record::of_api_key(Secret::from("sk-invented")), None)?;
/// assert!(
///     store.save(&Record::default(), None).is_err(),
///     "a record is stored already"
/// );
/// store.save(&Record::default(), Some(&first))?;
/// let lock = store.try_lock()?;
/// assert!(lock.is_some() && store.try_lock()?.is_none());
/// # Ok::<(), codex_auth::Error>(())
/// ```
pub trait TokenStore: Send + Sync {
    /// Returns the stored record and its revision, or `None` if nothing is stored.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Store`] if the record cannot be read. Unreadable content is an error,
    /// never `None`.
    fn load(&self) -> Result<Option<Stored>, Error>;

    /// Replaces the stored record if it still has the expected revision (`None`: if nothing is
    /// stored), atomically and durably.
    ///
    /// If nothing is expected, a store may also replace a damaged record of which it keeps a copy.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::StoreConflict`] if another record is stored; [`ErrorKind::Store`] if
    /// the record cannot be written.
    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error>;

    /// Removes the stored record, and returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Store`] if the record cannot be removed.
    fn clear(&self) -> Result<bool, Error>;

    /// Takes the lock that prevents the holders of this store, in all processes, from renewing at
    /// the same time; `None` if another holder has it.
    ///
    /// Must not wait. Dropping the guard releases the lock, and so does the end of the process.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Store`] if locking is not supported here.
    fn try_lock(&self) -> Result<Option<StoreLock>, Error>;

    /// Returns whether [`save`](Self::save) always fails. Tokens of such a store are never renewed,
    /// because the new ones could not be stored for other programs.
    fn is_read_only(&self) -> bool {
        false
    }
}

/// A loaded record and its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    record: Record,
    revision: Revision,
}

impl Stored {
    /// Combines a record and the revision at which it was loaded.
    #[must_use]
    pub fn new(record: Record, revision: Revision) -> Self {
        Self { record, revision }
    }

    /// Returns the record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns the revision, for [`TokenStore::save`].
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Consumes the value and returns the record, without its revision.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.record
    }
}

/// The state of a store's content, as opaque bytes of the store: a counter or a hash. Two revisions
/// are equal if their bytes are.
///
/// ```
/// use codex_auth::Revision;
///
/// // A database keeps a counter.
/// let revision = Revision::from(7_i64.to_be_bytes());
/// assert_eq!(i64::from_be_bytes(revision.as_bytes().try_into()?), 7);
/// # Ok::<(), std::array::TryFromSliceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(Box<[u8]>);

impl Revision {
    /// Creates a revision from these bytes.
    #[must_use]
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().into())
    }

    /// Returns the bytes of the revision.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Revision {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Revision {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Revision {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<[u8; N]> for Revision {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.into())
    }
}

/// A guard that keeps a store locked until it is dropped.
pub struct StoreLock {
    _guard: Box<dyn Send>,
}

impl StoreLock {
    /// Wraps a guard that releases the lock when dropped.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self {
            _guard: Box::new(guard),
        }
    }
}

impl fmt::Debug for StoreLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreLock(..)")
    }
}

impl Error {
    /// Creates an error for custom stores: the stored record is not the one that
    /// [`TokenStore::save`] expects.
    #[must_use]
    pub fn store_conflict() -> Self {
        Self::new(ErrorKind::StoreConflict)
    }

    /// Creates an error for custom stores: reading or writing failed.
    ///
    /// ```
    /// let error = codex_auth::Error::store(std::io::Error::other("the disk is full"));
    /// assert_eq!(error.to_string(), "token store failed");
    /// ```
    #[must_use]
    pub fn store(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Store).with_source(source)
    }
}

/// A store in memory, which lasts as long as the process. Clones share the store.
///
/// ```
/// use codex_auth::{MemoryStore, Record, Secret, TokenStore};
///
/// let store = MemoryStore::new();
/// store.save(&Record::of_api_key(Secret::from("sk-invented")), None)?;
/// assert!(store.clone().load()?.is_some());
/// # Ok::<(), codex_auth::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<(u64, Option<Record>)>>,
    locked: Arc<AtomicBool>,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, action: impl FnOnce(&mut u64, &mut Option<Record>) -> T) -> T {
        let mut content = lock(&self.content);
        let (count, record) = &mut *content;
        action(count, record)
    }
}

impl TokenStore for MemoryStore {
    fn load(&self) -> Result<Option<Stored>, Error> {
        Ok(self.with(|count, record| {
            record
                .clone()
                .map(|record| Stored::new(record, counted(*count)))
        }))
    }

    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
        self.with(|count, stored| {
            let found = stored.is_some().then(|| counted(*count));
            if found.as_ref() != expected {
                return Err(Error::store_conflict());
            }
            *count += 1;
            *stored = Some(record.clone());
            Ok(counted(*count))
        })
    }

    fn clear(&self) -> Result<bool, Error> {
        Ok(self.with(|count, record| {
            *count += 1;
            record.take().is_some()
        }))
    }

    fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
        struct Held(Arc<AtomicBool>);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        let taken = !self.locked.swap(true, Ordering::Acquire);
        Ok(taken.then(|| StoreLock::new(Held(Arc::clone(&self.locked)))))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore(..)")
    }
}

fn counted(count: u64) -> Revision {
    Revision::new(count.to_be_bytes())
}
