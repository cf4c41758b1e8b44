//! One login, many callers and several sources: which caller drives a refresh, which callers wait,
//! and which state outlives which caller.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use codex_auth::{
    CredentialSource as _, Error, ErrorKind, FileStore, MemoryStore, Moment, OAuthProfile,
    OAuthSource, Record, Revision, StoreLock, Stored, Timer, TokenStore,
};
use http::request::Parts;

use crate::support::login::{
    HOUR, MINUTE, apply, head, load, refresh_token, refused, renewed, replace, source, stored,
    tokens,
};
use crate::support::{Answer, Authority, Directory, VirtualTimer, access, block_on, start};

#[test]
fn renewed_tokens_that_cannot_be_stored_are_kept_and_stored_first() {
    #[derive(Clone)]
    struct Full(MemoryStore, Arc<Mutex<u32>>);
    impl TokenStore for Full {
        fn load(&self) -> Result<Option<Stored>, Error> {
            self.0.load()
        }
        fn save(&self, record: &Record, expected: Option<&Revision>) -> Result<Revision, Error> {
            // The mark can be written, and after it nothing for a while.
            let mut saves = self.1.lock().unwrap();
            *saves += 1;
            if (2..4).contains(&*saves) {
                return Err(Error::store(std::io::Error::other(
                    "no space left on device",
                )));
            }
            self.0.save(record, expected)
        }
        fn clear(&self) -> Result<bool, Error> {
            self.0.clear()
        }
        fn try_lock(&self) -> Result<Option<StoreLock>, Error> {
            self.0.try_lock()
        }
    }
    let store = stored(tokens(1, -MINUTE));
    let authority = Authority::new([renewed(2, HOUR)]);
    let source = source(
        Full(store.clone(), Arc::default()),
        &authority,
        &VirtualTimer::new(),
    );
    for _ in 0..2 {
        let error = apply(&source).unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::NotPersisted, true)
        );
        assert_eq!(error.to_string(), "refreshed tokens could not be stored");
        let cause = core::error::Error::source(&error).unwrap();
        assert_eq!(
            core::error::Error::source(cause).unwrap().to_string(),
            "no space left on device"
        );
        assert_eq!(refresh_token(&store), "refresh-1");
    }
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
    assert_eq!(
        (authority.count(), refresh_token(&store).as_str()),
        (1, "refresh-2")
    );
}

// Within one process; `race.rs` does the same with real ones.
#[test]
fn two_sources_of_one_file_renew_once() {
    let directory = Directory::new("two");
    FileStore::new(directory.file())
        .save(&Record::of_tokens(tokens(1, -MINUTE), start()), None)
        .unwrap();
    let (authority, timer) = (Authority::new([renewed(2, HOUR)]), VirtualTimer::new());
    let one = source(FileStore::new(directory.file()), &authority, &timer);
    let two = source(FileStore::new(directory.file()), &authority, &timer);
    assert_eq!(apply(&one).unwrap().1, apply(&two).unwrap().1);
    assert_eq!(authority.count(), 1);
}

#[test]
fn a_sibling_at_work_is_waited_for_and_its_mark_is_not_taken_for_a_crash() {
    /// While one source waits, the other finishes.
    struct Sibling(MemoryStore, Mutex<Option<StoreLock>>);
    impl Timer for Sibling {
        fn now(&self) -> Moment {
            Moment::new(Duration::ZERO, start())
        }
        async fn sleep(&self, _: Duration) {
            replace(&self.0, &Record::of_tokens(tokens(2, HOUR), start()));
            self.1.lock().unwrap().take();
        }
    }
    let store = stored(tokens(1, -MINUTE));
    // The mark that a lost response leaves; here it represents a response that is about to arrive.
    let _ = apply(&source(
        store.clone(),
        &Authority::new([Answer::Lost]),
        &VirtualTimer::new(),
    ));
    assert!(load(&store).is_refresh_outcome_unknown());
    let lock = store.try_lock().unwrap();
    let timer = Sibling(store.clone(), Mutex::new(lock));
    let waiting = OAuthSource::builder(OAuthProfile::codex(), store, Authority::default(), timer)
        .build()
        .unwrap();
    assert_eq!(apply(&waiting).unwrap().1, access(2, HOUR));
}

#[test]
fn what_another_program_bought_with_the_same_token_is_waited_for_when_nothing_else_is_of_use() {
    /// Another program commits three seconds after the refusal.
    struct Sibling(MemoryStore, VirtualTimer);
    impl Timer for Sibling {
        fn now(&self) -> Moment {
            self.1.now()
        }
        async fn sleep(&self, duration: Duration) {
            self.1.sleep(duration).await;
            if self.1.elapsed() == Duration::from_secs(3) {
                replace(&self.0, &Record::of_tokens(tokens(2, HOUR), start()));
            }
        }
    }
    for (commits, expires, waited) in [(true, -1, 3), (false, -1, 10), (false, MINUTE, 0)] {
        let (store, timer) = (stored(tokens(1, expires)), VirtualTimer::new());
        let authority = Authority::new([refused("refresh_token_reused")]);
        let other = if commits {
            store.clone()
        } else {
            MemoryStore::new()
        };
        let source = OAuthSource::builder(
            OAuthProfile::codex(),
            store.clone(),
            authority.clone(),
            Sibling(other, timer.clone()),
        )
        .build()
        .unwrap();
        match apply(&source) {
            Ok((_, bearer)) if commits => assert_eq!(bearer, access(2, HOUR)),
            Ok((_, bearer)) => assert_eq!(bearer, access(1, MINUTE), "it lasts"),
            Err(error) => assert_eq!((error.kind(), commits), (ErrorKind::RefreshReused, false)),
        }
        assert_eq!(timer.elapsed(), Duration::from_secs(waited));
        assert_eq!(authority.count(), 1);
        assert!(!load(&store).is_refresh_outcome_unknown());
    }
}

#[test]
fn a_store_locked_for_ever_is_an_error_in_the_end() {
    let (store, timer, authority) = (
        stored(tokens(1, -MINUTE)),
        VirtualTimer::new(),
        Authority::default(),
    );
    let lock = store.try_lock().unwrap().unwrap();
    let source = source(store, &authority, &timer);
    let error = apply(&source).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::StoreBusy, true)
    );
    assert!((40..42).contains(&timer.elapsed().as_secs()));
    drop(lock);
    authority.push(renewed(2, 2 * HOUR));
    apply(&source).unwrap();
}

#[test]
fn fifty_callers_share_one_refresh_and_some_may_leave() {
    let (release, authority) = gated(renewed(2, HOUR));
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        stored(tokens(1, -MINUTE)),
        authority.clone(),
        Frozen,
    )
    .build()
    .unwrap();
    let mut heads: Vec<Parts> = (0..50).map(|_| head()).collect();
    let mut calls: Vec<_> = heads
        .iter_mut()
        .map(|head| Box::pin(source.apply(head)))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    // The caller that drives the refresh is dropped, and so are forty more.
    calls.drain(..41).for_each(drop);
    release();
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut context).is_ready());
    }
    assert_eq!(authority.0.count(), 1);
}

#[test]
fn fifty_rejections_of_one_generation_share_one_refusal() {
    let (release, authority) = gated(Answer::Body(500, String::new()));
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        stored(tokens(1, HOUR)),
        authority.clone(),
        Frozen,
    )
    .build()
    .unwrap();
    let (lease, _) = apply(&source).unwrap();
    let mut calls: Vec<_> = (0..50).map(|_| Box::pin(source.rejected(lease))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    release();
    for call in &mut calls {
        let core::task::Poll::Ready(Err(error)) = call.as_mut().poll(&mut context) else {
            panic!()
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(authority.0.count(), 1);
}

#[test]
fn the_only_caller_may_leave_after_the_answer_and_the_next_finds_it() {
    let store = stored(tokens(1, -MINUTE));
    let (release, authority) = gated(renewed(2, HOUR));
    let source = OAuthSource::builder(
        OAuthProfile::codex(),
        store.clone(),
        authority.clone(),
        Frozen,
    )
    .build()
    .unwrap();
    let mut request = head();
    let mut call = Box::pin(source.apply(&mut request));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(call);
    release();
    assert_eq!(apply(&source).unwrap().1, access(2, HOUR));
    assert_eq!(
        (authority.0.count(), refresh_token(&store).as_str()),
        (1, "refresh-2")
    );
}

#[test]
fn with_a_spawner_the_answer_is_stored_though_nobody_waits() {
    type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
    let store = stored(tokens(1, -MINUTE));
    let (release, authority) = gated(renewed(2, HOUR));
    let tasks: Arc<Mutex<Vec<Task>>> = Arc::default();
    let spawned = Arc::clone(&tasks);
    let source = OAuthSource::builder(OAuthProfile::codex(), store.clone(), authority, Frozen)
        .with_spawner(move |task| spawned.lock().unwrap().push(task))
        .build()
        .unwrap();
    let mut request = head();
    let mut call = Box::pin(source.apply(&mut request));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(call);
    drop(source);
    release();
    let tasks = core::mem::take(&mut *tasks.lock().unwrap());
    tasks.into_iter().for_each(block_on);
    assert_eq!(refresh_token(&store), "refresh-2");
}

#[test]
fn a_source_that_is_dropped_leaves_no_lock_behind() {
    let store = stored(tokens(1, -MINUTE));
    let (_release, authority) = gated(renewed(2, HOUR));
    let source = OAuthSource::builder(OAuthProfile::codex(), store.clone(), authority, Frozen)
        .build()
        .unwrap();
    let mut request = head();
    let mut call = Box::pin(source.apply(&mut request));
    assert!(
        call.as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    drop(call);
    assert!(store.try_lock().unwrap().is_none());
    drop(source);
    assert!(store.try_lock().unwrap().is_some());
}

/// An authority that responds when the test permits it.
#[derive(Clone, Default)]
struct Gated(Authority, Arc<Mutex<(bool, Vec<Waker>)>>);

impl codex_auth::SendRequest for Gated {
    async fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, codex_auth::SendFailure> {
        core::future::poll_fn(|context| {
            let mut gate = self.1.lock().unwrap();
            if gate.0 {
                return core::task::Poll::Ready(());
            }
            gate.1.push(context.waker().clone());
            core::task::Poll::Pending
        })
        .await;
        self.0.send(request).await
    }
}

fn gated(answer: Answer) -> (impl Fn(), Gated) {
    let authority = Gated(Authority::new([answer]), Arc::default());
    let gate = Arc::clone(&authority.1);
    let open = move || {
        let wakers = {
            let mut gate = gate.lock().unwrap();
            gate.0 = true;
            core::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    };
    (open, authority)
}

/// A clock that stands still, and whose sleeps never end.
struct Frozen;

impl Timer for Frozen {
    fn now(&self) -> Moment {
        Moment::new(Duration::ZERO, start())
    }

    async fn sleep(&self, _: Duration) {
        core::future::pending().await
    }
}
