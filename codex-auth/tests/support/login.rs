//! A login in a store, an authority that renews it, and the credentials that a request gets.

use codex_auth::{
    CredentialSource, Error, Lease, MemoryStore, OAuthProfile, OAuthSource, Record, Secret,
    TokenSet, TokenStore,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};

use super::{Answer, Authority, VirtualTimer, access, block_on, id, ok, start};

pub type Source<S = MemoryStore> = OAuthSource<S, Authority, VirtualTimer>;

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
pub const TARGET: &str = "https://chatgpt.com/backend-api/codex/responses";

pub fn tokens(number: u32, expires: i64) -> TokenSet {
    TokenSet::new(Secret::from(access(number, expires)))
        .with_refresh_token(Secret::from(format!("refresh-{number}")))
        .with_id_token(Secret::from(id("acct-1")))
        .with_account_id("acct-1")
}

pub fn stored(tokens: TokenSet) -> MemoryStore {
    let store = MemoryStore::new();
    store
        .save(&Record::of_tokens(tokens, start()), None)
        .unwrap();
    store
}

pub fn replace(store: &impl TokenStore, record: &Record) {
    let revision = store
        .load()
        .unwrap()
        .map(|stored| stored.revision().clone());
    store.save(record, revision.as_ref()).unwrap();
}

pub fn source<S: TokenStore + 'static>(
    store: S,
    authority: &Authority,
    timer: &VirtualTimer,
) -> Source<S> {
    OAuthSource::builder(
        OAuthProfile::codex(),
        store,
        authority.clone(),
        timer.clone(),
    )
    .build()
    .unwrap()
}

pub fn head() -> Parts {
    http::Request::get(TARGET).body(()).unwrap().into_parts().0
}

pub fn apply(source: &impl CredentialSource) -> Result<(Lease, String), Error> {
    let mut request = head();
    let lease = block_on(source.apply(&mut request))?;
    let bearer = request.headers["authorization"].to_str().unwrap();
    Ok((lease, bearer.strip_prefix("Bearer ").unwrap().to_owned()))
}

pub fn accept(source: &impl CredentialSource, lease: Lease) {
    source.observe(
        lease,
        &Uri::from_static(TARGET),
        StatusCode::OK,
        &HeaderMap::new(),
    );
}

pub fn load(store: &impl TokenStore) -> Record {
    store.load().unwrap().unwrap().into_record()
}

pub fn refresh_token(store: &impl TokenStore) -> String {
    load(store)
        .tokens()
        .unwrap()
        .refresh_token()
        .unwrap()
        .expose()
        .to_owned()
}

pub fn renewed(number: u32, expires: i64) -> Answer {
    ok(format!(
        r#"{{"access_token":"{}","refresh_token":"refresh-{number}"}}"#,
        access(number, expires)
    ))
}

pub fn refused(code: &str) -> Answer {
    Answer::Body(
        401,
        format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#),
    )
}
