//! Storing a sign-in and signing out.

use core::time::Duration;

use codex_auth::{
    DeviceFlow, ErrorKind, FileStore, MemoryStore, OAuthProfile, Record, Revoked, Secret, SignIn,
    TokenSet, TokenStore, drive, sign_out, store_sign_in,
};

use crate::support::{Answer, Authority, Directory, VirtualTimer, block_on, id, ok, start};

fn signed_in() -> SignIn {
    let authority = Authority::new([
        ok(r#"{"device_auth_id":"d","user_code":"A"}"#),
        ok(r#"{"authorization_code":"c","code_verifier":"v"}"#),
        ok(format!(
            r#"{{"id_token":"{}","access_token":"access-2","refresh_token":"refresh-2"}}"#,
            id("acct-2")
        )),
    ]);
    let flow = DeviceFlow::new(&OAuthProfile::codex()).unwrap();
    block_on(drive(
        flow,
        &authority,
        &VirtualTimer::new(),
        |_| {},
        |_| Ok(()),
    ))
    .unwrap()
}

fn old(number: u32) -> Record {
    let tokens = TokenSet::new(Secret::from(format!("access-{number}")))
        .with_refresh_token(Secret::from(format!("refresh-{number}")));
    Record::of_tokens(tokens, start())
}

fn store(store: &impl TokenStore, authority: &Authority) -> Result<Revoked, codex_auth::Error> {
    block_on(store_sign_in(
        &OAuthProfile::codex(),
        store,
        authority,
        &VirtualTimer::new(),
        &signed_in(),
    ))
}

#[test]
fn a_stale_file_is_replaced_its_unknown_members_stay_and_a_missing_directory_is_made() {
    let directory = Directory::new("session");
    let path = directory.0.join("new").join("home").join("auth.json");
    let files = FileStore::new(&path);
    assert!(matches!(
        store(&files, &Authority::default()).unwrap(),
        Revoked::NothingToRevoke
    ));
    std::fs::write(&path, r#"{"OPENAI_API_KEY":"sk-old","tokens":{"access_token":"access-1","refresh_token":"refresh-1","id_token":"i"},"auth_mode":"chatgpt","kept":[1]}"#).unwrap();
    let authority = Authority::new([ok("")]);
    assert!(matches!(
        store(&files, &authority).unwrap(),
        Revoked::Confirmed
    ));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains(r#""kept": [1]"#)
            && text.contains(r#""OPENAI_API_KEY": null"#)
            && !text.contains("sk-old")
            && !text.contains("refresh-1")
    );
    let record = files.load().unwrap().unwrap().into_record();
    assert_eq!(record.tokens().unwrap().account_id().unwrap().0, "acct-2");
    assert_eq!(record.last_refresh(), Some(start()));
}

#[test]
fn superseded_tokens_are_revoked_and_the_same_ones_are_not() {
    let memory = MemoryStore::new();
    memory.save(&old(1), None).unwrap();
    let authority = Authority::new([
        Answer::Body(500, String::new()),
        Answer::Body(500, String::new()),
        Answer::Body(500, String::new()),
    ]);
    let Revoked::NotConfirmed(error) = store(&memory, &authority).unwrap() else {
        panic!()
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(
        memory
            .load()
            .unwrap()
            .unwrap()
            .record()
            .tokens()
            .unwrap()
            .refresh_token()
            .unwrap()
            .expose(),
        "refresh-2"
    );
    assert!(authority.body(0).contains("refresh-1"));

    let authority = Authority::default();
    assert!(matches!(
        store(&memory, &authority).unwrap(),
        Revoked::NothingToRevoke
    ));
    assert_eq!(authority.count(), 0);

    let external = MemoryStore::new();
    external.save(&Record::from_json(br#"{"auth_mode":"chatgptAuthTokens","tokens":{"access_token":"theirs","id_token":"i","refresh_token":""}}"#).unwrap(), None).unwrap();
    assert!(matches!(
        store(&external, &authority).unwrap(),
        Revoked::NothingToRevoke
    ));
}

#[test]
fn signing_out_sends_the_exact_body_and_deletes_whatever_the_answer() {
    let refresh = old(1);
    let access = Record::of_tokens(TokenSet::new(Secret::from("access-1")), start());
    let with_refresh = "{\"token\":\"refresh-1\",\"token_type_hint\":\"refresh_token\",\"client_id\":\"app_EMoamEEZ73f0CkXaXp7hrann\"}";
    let without = "{\"token\":\"access-1\",\"token_type_hint\":\"access_token\"}";
    let unavailable = || Answer::Body(503, String::new());
    for (record, body, answers, confirmed) in [
        (&refresh, with_refresh, vec![ok("")], true),
        (&access, without, vec![ok("")], true),
        (
            &refresh,
            with_refresh,
            vec![Answer::Body(400, String::new())],
            false,
        ),
        (&refresh, with_refresh, vec![Answer::Lost], false),
        (
            &refresh,
            with_refresh,
            vec![Answer::NotSent, unavailable(), unavailable()],
            false,
        ),
        (&refresh, with_refresh, vec![Answer::Silence], false),
    ] {
        let (memory, timer, authority) = (
            MemoryStore::new(),
            VirtualTimer::new(),
            Authority::new(answers),
        );
        memory.save(record, None).unwrap();
        let outcome = block_on(sign_out(
            &OAuthProfile::codex(),
            &memory,
            &authority,
            &timer,
        ))
        .unwrap();
        assert_eq!(
            (
                outcome.removed(),
                matches!(outcome.revoked(), Revoked::Confirmed)
            ),
            (true, confirmed)
        );
        assert!(memory.load().unwrap().is_none());
        assert_eq!(authority.paths()[0], "/oauth/revoke");
        assert_eq!(authority.body(0), body);
        assert!(timer.elapsed() <= Duration::from_secs(34));
    }
    let key = MemoryStore::new();
    key.save(&Record::of_api_key(Secret::from("sk-invented")), None)
        .unwrap();
    let authority = Authority::default();
    let outcome = block_on(sign_out(
        &OAuthProfile::codex(),
        &key,
        &authority,
        &VirtualTimer::new(),
    ))
    .unwrap();
    assert!(outcome.removed() && matches!(outcome.revoked(), Revoked::NothingToRevoke));
    let outcome = block_on(sign_out(
        &OAuthProfile::codex(),
        &key,
        &authority,
        &VirtualTimer::new(),
    ))
    .unwrap();
    assert!(!outcome.removed());
}

#[test]
fn a_damaged_file_is_signed_in_over_and_a_copy_is_kept() {
    let directory = Directory::new("damaged");
    let files = FileStore::new(directory.file());
    let copy = |name: &str| std::fs::read_to_string(directory.0.join(name)).ok();
    for (content, name) in [
        ("garbage", "auth.json.damaged"),
        (r#"{"tokens":{"acc"#, "auth.json.damaged.2"),
        (
            r#"{"codex_auth":{"client_id":"dynamic_agent_client"}}"#,
            "auth.json.damaged.3",
        ),
    ] {
        std::fs::write(directory.file(), content).unwrap();
        let error = files.load().unwrap_err();
        assert!(error.is_damaged_record() && error.kind() == ErrorKind::Store);
        assert!(matches!(
            store(&files, &Authority::default()).unwrap(),
            Revoked::NothingToRevoke
        ));
        assert_eq!(copy(name).as_deref(), Some(content));
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(
                &std::fs::metadata(directory.0.join(name)).unwrap()
            ) & 0o777,
            0o600
        );
        let record = files.load().unwrap().unwrap().into_record();
        assert_eq!(record.tokens().unwrap().account_id().unwrap().0, "acct-2");
    }
    // An empty file has no content to keep.
    std::fs::write(directory.file(), "").unwrap();
    store(&files, &Authority::default()).unwrap();
    assert!(copy("auth.json.damaged.4").is_none());

    for number in 4..10 {
        std::fs::write(directory.0.join(format!("auth.json.damaged.{number}")), "").unwrap();
    }
    std::fs::write(directory.file(), "garbage").unwrap();
    assert_eq!(
        store(&files, &Authority::default())
            .unwrap_err()
            .to_string(),
        "token store failed: too many damaged copies next to the file"
    );
    assert_eq!(copy("auth.json").as_deref(), Some("garbage"));
}

#[test]
fn only_damage_is_signed_in_over() {
    let directory = Directory::new("not-damaged");
    std::fs::create_dir(directory.file()).unwrap();
    let files = FileStore::new(directory.file());
    let error = store(&files, &Authority::default()).unwrap_err();
    assert!(!error.is_damaged_record());
    assert_eq!(error.to_string(), "token store failed: not a regular file");
}

#[test]
fn signing_out_removes_even_what_cannot_be_read() {
    let directory = Directory::new("sign-out");
    std::fs::write(directory.file(), "garbage").unwrap();
    let outcome = block_on(sign_out(
        &OAuthProfile::codex(),
        &FileStore::new(directory.file()),
        &Authority::default(),
        &VirtualTimer::new(),
    ))
    .unwrap();
    assert!(outcome.removed() && !directory.file().exists());
}

#[test]
fn a_read_only_store_is_not_signed_out_of() {
    let directory = Directory::new("sign-out-read-only");
    FileStore::new(directory.file())
        .save(&old(1), None)
        .unwrap();
    let result = block_on(sign_out(
        &OAuthProfile::codex(),
        &FileStore::read_only(directory.file()),
        &Authority::default(),
        &VirtualTimer::new(),
    ));
    assert_eq!(
        result.unwrap_err().to_string(),
        "token store failed: store is read-only"
    );
    assert!(directory.file().exists());
}
