//! A login in a row of a PostgreSQL table: a [`TokenStore`] for processes on any number of
//! machines.
//!
//! | operation | statement |
//! |---|---|
//! | compare and swap | one `insert … on conflict` or one `update … where revision = …`, and the count of rows |
//! | the lock of a renewal | `pg_try_advisory_lock`, which the server releases when the session ends: with the process, or with its connection |
//!
//! The record is stored as text and contains tokens in plain text: grant access to the table only
//! to the gateways. The advisory lock belongs to a session, so a connection pooler in front of the
//! server must be in session mode. If a connection is lost while its holder waits for the
//! authority, the server grants the lock to the next process. That process finds the mark of the
//! renewal in the record, and does not resend the refresh token.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use codex_auth::{Error, Record, Revision, StoreLock, Stored, TokenStore};
use postgres::tls::{MakeTlsConnect, TlsConnect};
use postgres::{Client, Config, Socket};

/// The login of one account. Clones share a connection.
#[derive(Clone)]
pub(crate) struct PostgresStore {
    account: Arc<str>,
    session: Arc<Session>,
}

impl PostgresStore {
    /// Creates a store of this account's login. The connection is opened when it is first needed,
    /// and again after it was lost.
    ///
    /// `tls` secures the connection: [`postgres::NoTls`] is for a Unix socket or this machine only.
    pub(crate) fn new<T>(mut config: Config, tls: T, account: &str) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + 'static,
        T::TlsConnect: Send,
        T::Stream: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // Async tasks call a store, which must not delay them: a server that does not respond is an
        // error.
        config.connect_timeout(TIME_LIMIT);
        config.tcp_user_timeout(TIME_LIMIT);
        if config.get_options().is_none() {
            config.options(&format!("-c statement_timeout={}", TIME_LIMIT.as_millis()));
        }
        let connect = move || config.connect(tls.clone());
        Self {
            account: account.into(),
            session: Arc::new(Session::new(connect)),
        }
    }

    /// Creates the table unless it exists: once, before the first process uses it.
    ///
    /// # Errors
    ///
    /// [`codex_auth::ErrorKind::Store`] if the server cannot be reached or does not allow it.
    pub(crate) fn create_table(&self) -> Result<(), Error> {
        self.session.run(|client| client.batch_execute(TABLE))
    }
}

impl TokenStore for PostgresStore {
    fn load(&self) -> Result<Option<Stored>, Error> {
        let account = Arc::clone(&self.account);
        let row = self
            .session
            .run(move |client| client.query_opt(LOAD, &[&&*account]))?;
        let Some(row) = row else {
            return Ok(None);
        };
        let (record, revision) = (text(&row, 0)?, number(&row, 1)?);
        let record = Record::from_json(record.as_bytes())?;
        Ok(Some(Stored::new(record, revision.to_be_bytes().into())))
    }

    fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
        let account = Arc::clone(&self.account);
        let record = record.to_json();
        // A revision of another kind of store is not one of this table.
        let expected = expected
            .map(|revision| revision.as_bytes().try_into().map(i64::from_be_bytes))
            .transpose()
            .map_err(|_| Error::store_conflict())?;
        let row = self.session.run(move |client| match expected {
            None => client.query_opt(INSERT, &[&&*account, &record.expose()]),
            Some(revision) => client.query_opt(UPDATE, &[&&*account, &record.expose(), &revision]),
        })?;
        let row = row.ok_or_else(Error::store_conflict)?;
        Ok(number(&row, 0)?.to_be_bytes().into())
    }

    fn clear(&self) -> Result<bool, Error> {
        let account = Arc::clone(&self.account);
        let cleared = self
            .session
            .run(move |client| client.execute(CLEAR, &[&&*account]))?;
        Ok(cleared > 0)
    }

    fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
        // The server counts the locks per session, and would grant this one a second time.
        if self.session.is_locked.swap(true, Ordering::Acquire) {
            return Ok(None);
        }
        let held = Held {
            account: Arc::clone(&self.account),
            session: Arc::clone(&self.session),
        };
        let account = Arc::clone(&self.account);
        let row = self
            .session
            .run(move |client| client.query_one(LOCK, &[&&*account]));
        let taken = row.and_then(|row| row.try_get::<_, bool>(0).map_err(Error::store));
        match taken {
            Ok(true) => Ok(Some(StoreLock::new(held))),
            Ok(false) => {
                held.forget();
                Ok(None)
            }
            Err(error) => {
                held.forget();
                Err(error)
            }
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// Releases the lock when dropped.
struct Held {
    account: Arc<str>,
    session: Arc<Session>,
}

impl Held {
    /// The error when the server does not hold the lock for this session.
    fn forget(self) {
        self.session.is_locked.store(false, Ordering::Release);
        core::mem::forget(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let account = Arc::clone(&self.account);
        // If the connection was lost, the server has released the lock.
        let _ = self
            .session
            .run(move |client| client.query_one(UNLOCK, &[&&*account]));
        self.session.is_locked.store(false, Ordering::Release);
    }
}

/// A connection on its own thread: `postgres` runs a runtime inside each call, which a task of
/// another runtime must not do.
struct Session {
    jobs: Mutex<mpsc::Sender<Job>>,
    /// Whether this process holds the lock.
    is_locked: AtomicBool,
}

type Job = Box<dyn FnOnce(&mut Connection<'_>) + Send>;

struct Connection<'a> {
    connect: &'a mut dyn FnMut() -> Result<Client, postgres::Error>,
    client: Option<Client>,
}

impl Session {
    fn new(mut connect: impl FnMut() -> Result<Client, postgres::Error> + Send + 'static) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::spawn(move || {
            let mut connection = Connection {
                connect: &mut connect,
                client: None,
            };
            queue.into_iter().for_each(|job| job(&mut connection));
        });
        Self {
            jobs: Mutex::new(jobs),
            is_locked: AtomicBool::new(false),
        }
    }

    fn run<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Client) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, result) = mpsc::channel();
        let job = Box::new(move |connection: &mut Connection<'_>| {
            let _ = done.send(connection.run(statement));
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.send(job);
        drop(jobs);
        let ended = || Error::store("the connection's thread has ended");
        sent.map_err(|_| ended())?;
        result.recv().map_err(|_| ended())?.map_err(failed)
    }
}

impl Connection<'_> {
    /// Runs a statement, on a new connection if the last one was lost. The statement is not
    /// repeated: a lost save may have succeeded.
    fn run<T>(
        &mut self,
        statement: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, postgres::Error> {
        let usable = self.client.take().filter(|client| !client.is_closed());
        let mut client = usable.map_or_else(&mut self.connect, Ok)?;
        let result = statement(&mut client);
        self.client = Some(client);
        result
    }
}

/// Returns the server's code and message. Its details can quote a row, and with it the tokens.
fn failed(error: postgres::Error) -> Error {
    match error.as_db_error() {
        Some(reported) => {
            let (code, message) = (reported.code().code(), reported.message());
            Error::store(format!("the database reported {code}: {message}"))
        }
        None => Error::store(error),
    }
}

fn text(row: &postgres::Row, column: usize) -> Result<String, Error> {
    row.try_get(column).map_err(Error::store)
}

fn number(row: &postgres::Row, column: usize) -> Result<i64, Error> {
    row.try_get(column).map_err(Error::store)
}

/// A row outlives its record, so that a revision never repeats.
const TABLE: &str = "create table if not exists codex_logins (
    account text primary key,
    record text,
    revision bigint not null
)";
const LOAD: &str =
    "select record, revision from codex_logins where account = $1 and record is not null";
const INSERT: &str =
    "insert into codex_logins as stored (account, record, revision) values ($1, $2, 1)
    on conflict (account) do update set record = excluded.record, revision = stored.revision + 1
    where stored.record is null
    returning revision";
const UPDATE: &str = "update codex_logins set record = $2, revision = revision + 1
    where account = $1 and revision = $3 and record is not null
    returning revision";
const CLEAR: &str = "update codex_logins set record = null, revision = revision + 1
    where account = $1 and record is not null";
/// The lock key is half of a hash of the account's name; two accounts with the same key would only
/// wait for each other.
const LOCK: &str = "select pg_try_advisory_lock(('x' || substr(md5('codex_logins ' || $1), 1, 16))::bit(64)::bigint)";
const UNLOCK: &str = "select pg_advisory_unlock(('x' || substr(md5('codex_logins ' || $1), 1, 16))::bit(64)::bigint)";
const TIME_LIMIT: Duration = Duration::from_secs(5);
