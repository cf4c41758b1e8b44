//! The `login` program as a user runs it, against an authority on 127.0.0.1. Every run is searched
//! for secrets.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use codex_transport::testing::{Answer, LoopbackServer, Script};

use crate::login_support::program::Program;
use crate::login_support::{
    CANARY, CLAIMS, DEVICE_TOKEN, Directory, REVOKE, TOKEN, USER_CODE, authority, device,
    device_token, json, member, port, state, status, text, to, tokens, user_code, visit,
};
use crate::support;

/// Runs the program in isolation: without a browser, the configuration or the variables of the
/// user.
fn login(directory: &Directory, server: &LoopbackServer, arguments: &[&str]) -> Program {
    let mut command = support::command("login");
    command
        .env_clear()
        .env("PATH", directory.path("bin"))
        .env("HOME", directory.path("home"))
        .env("XDG_CONFIG_HOME", directory.path("config"))
        .args(["--issuer", &format!("http://{}", server.address())])
        .args(arguments);
    // Windows cannot open a socket without it.
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    Program::start(&mut command)
}

fn store(directory: &Directory) -> String {
    directory.path("auth.json").display().to_string()
}

fn read(path: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(path).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// All tests share the two ports of the profile; the holder of this lock may use them.
fn ports() -> MutexGuard<'static, ()> {
    static PORTS: Mutex<()> = Mutex::new(());
    let guard = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    while !(is_free(1455) && is_free(1457)) {
        assert!(
            Instant::now() < deadline,
            "another program holds 1455 or 1457"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    guard
}

fn callback(address: &str, rest: &str) -> String {
    format!("/auth/callback?state={}&{rest}", state(address))
}

#[test]
fn a_browser_signs_in_after_somebody_else_has_tried() {
    let _ports = ports();
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("browser");
    let file = store(&directory);
    let program = login(&directory, &server, &["--no-browser", "--store", &file]);
    let address = program.address();
    assert!(address.starts_with(&format!("http://{}/oauth/authorize?", server.address())));
    assert_eq!(
        member(&address, "originator").as_deref(),
        Some("codex-client-rs")
    );
    let port = port(&address);
    assert_eq!(port, 1455);

    let stolen = format!("/auth/callback?code=stolen-{CANARY}&state=guessed");
    assert_eq!(status(&visit(port, &stolen)), 400);
    assert!(server.requests().is_empty(), "nothing may be exchanged");
    assert_eq!(status(&visit(port, "/favicon.ico")), 404);
    let page = visit(port, &callback(&address, &format!("code=code-{CANARY}")));
    assert_eq!(status(&page), 200);
    assert!(page.contains("Signed in"));

    let ended = program.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("signed in as me@example.com (plan plus, account acct-1)")
    );
    assert!(ended.stdout.contains(&file));
    assert!(ended.stderr.contains("another sign-in"));
    let exchanges = server.requests();
    assert_eq!(exchanges.len(), 1);
    let body = text(&exchanges[0]);
    assert_eq!(member(&body, "code"), Some(format!("code-{CANARY}")));
    assert_eq!(
        member(&body, "redirect_uri").as_deref(),
        Some("http://localhost:1455/auth/callback")
    );
    let stored = read(&file);
    assert_eq!(stored["auth_mode"], "chatgpt");
    assert_eq!(
        stored["tokens"]["refresh_token"],
        format!("refresh-{CANARY}")
    );
    assert_eq!(stored["tokens"]["account_id"], "acct-1");
    assert_private(&file);
}

#[cfg(unix)]
fn assert_private(file: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(not(unix))]
fn assert_private(_: &str) {}

#[cfg(target_os = "linux")]
#[test]
fn the_browser_is_opened_with_the_printed_address() {
    use std::os::unix::fs::PermissionsExt;

    let _ports = ports();
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("opened");
    let bin = directory.path("bin");
    let opened = directory.path("opened");
    std::fs::create_dir(&bin).expect("a directory");
    // On any system, one of these opens a URL.
    for name in ["xdg-open", "wslview"] {
        let script = format!(
            "#!/bin/sh\nprintf %s \"$1\" > {0}.part\n/bin/mv {0}.part {0}\n",
            opened.display()
        );
        let path = bin.join(name);
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).expect("a script");
    }
    let file = store(&directory);
    let program = login(&directory, &server, &["--store", &file]);
    let address = program.address();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !Path::new(&opened).exists() {
        assert!(Instant::now() < deadline, "no browser was opened");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(
        std::fs::read_to_string(&opened).expect("an address"),
        address
    );
    visit(port(&address), &callback(&address, "code=c"));
    assert!(program.end().status.success());
}

#[test]
fn a_browser_that_cannot_be_opened_is_no_reason_to_stop() {
    let _ports = ports();
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("no-browser");
    let file = store(&directory);
    let program = login(&directory, &server, &["--store", &file]);
    let address = program.address();
    visit(port(&address), &callback(&address, "code=c"));
    let ended = program.end();
    assert!(ended.status.success());
    if cfg!(target_os = "linux") {
        ended.reports("could not open a browser");
    }
}

#[test]
fn declining_says_so_and_leaves_no_file() {
    let _ports = ports();
    let server = authority(Script::new());
    let directory = Directory::new("declined");
    let file = store(&directory);
    let program = login(&directory, &server, &["--no-browser", "--store", &file]);
    let address = program.address();
    let no = "error=access_denied&error_description=The%20user%20said%20no%1b%5b31m";
    visit(port(&address), &callback(&address, no));
    let ended = program.end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended
            .stderr
            .starts_with("login: sign-in was declined: The user said no"),
        "{}",
        ended.stderr
    );
    assert!(
        !ended.stderr.contains('\u{1b}'),
        "an escape sequence reaches the terminal"
    );
    assert!(!Path::new(&file).exists());
    assert!(server.requests().is_empty());
}

#[test]
fn a_busy_port_gives_way_to_the_second_and_two_busy_ones_to_a_clear_word() {
    let _ports = ports();
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("busy");
    let file = store(&directory);
    let first = TcpListener::bind("127.0.0.1:1455").expect("the port");
    let program = login(&directory, &server, &["--no-browser", "--store", &file]);
    let address = program.address();
    assert_eq!(port(&address), 1457);
    let second = TcpListener::bind("127.0.0.1:1457");
    assert!(second.is_err(), "the program listens there");
    visit(1457, &callback(&address, "code=c"));
    assert!(program.end().status.success());

    let second = TcpListener::bind("127.0.0.1:1457").expect("the port is free again");
    let start = Instant::now();
    let ended = login(&directory, &server, &["--no-browser", "--store", &file]).end();
    assert!(start.elapsed() < Duration::from_secs(5));
    ended.fails_with("no free port for the redirect: 1455, 1457");
    assert!(ended.stderr.contains("--device and --paste need no port"));
    drop((first, second));
}

#[test]
fn what_a_user_pastes_is_checked_like_a_redirect() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("paste");
    let file = store(&directory);
    let mut program = login(&directory, &server, &["--paste", "--store", &file]);
    let address = program.address();
    program.say("");
    program.say(&format!(
        "http://localhost:1455/auth/callback?code=stolen-{CANARY}&state=guessed"
    ));
    program.say(&format!(
        "http://localhost:1455{}",
        callback(&address, &format!("code=pasted-{CANARY}"))
    ));
    let ended = program.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(
        ended
            .stderr
            .matches("does not belong to this sign-in attempt; try again")
            .count(),
        1
    );
    let exchanges = server.requests();
    assert_eq!(exchanges.len(), 1);
    assert_eq!(
        member(&text(&exchanges[0]), "code"),
        Some(format!("pasted-{CANARY}"))
    );
    assert!(Path::new(&file).exists());
}

#[test]
fn a_bare_code_will_do_where_nobody_can_copy_more() {
    let server = authority(Script::new().route("POST", TOKEN, tokens()));
    let directory = Directory::new("bare");
    let file = store(&directory);
    let mut program = login(&directory, &server, &["--paste", "--store", &file]);
    program.address();
    program.say(&format!("bare-{CANARY}"));
    assert!(program.end().status.success());
    assert_eq!(
        member(&text(&server.requests()[0]), "code"),
        Some(format!("bare-{CANARY}"))
    );
}

#[test]
fn the_end_of_the_input_ends_pasting() {
    let server = authority(Script::new());
    let directory = Directory::new("end");
    let file = store(&directory);
    let mut program = login(&directory, &server, &["--paste", "--store", &file]);
    program.address();
    program.hang_up();
    let ended = program.end();
    ended.fails_with("expected the whole address, not the code alone");
}

#[test]
fn a_device_code_is_asked_about_until_the_user_has_entered_it() {
    let server = authority(
        Script::new()
            .route("POST", USER_CODE, user_code())
            .route("POST", DEVICE_TOKEN, Answer::status(403))
            .route("POST", DEVICE_TOKEN, Answer::status(404))
            .route("POST", DEVICE_TOKEN, device_token())
            .route("POST", TOKEN, tokens()),
    );
    let directory = Directory::new("device");
    let file = store(&directory);
    let ended = login(&directory, &server, &["--device", "--store", &file]).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains(&format!("  http://{}/codex/device\n", server.address()))
    );
    assert!(ended.stdout.contains("  ABCD-12345\n"));
    assert!(ended.stdout.contains("within 15 minutes"));
    assert!(ended.stdout.contains("signed in as me@example.com"));
    let asked = to(&server, DEVICE_TOKEN);
    assert_eq!(asked.len(), 3);
    let pause = asked[1].at.duration_since(asked[0].at);
    assert!(
        pause >= Duration::from_millis(900),
        "the interval is one second, not {pause:?}"
    );
    let body = text(&to(&server, TOKEN)[0]);
    assert_eq!(
        member(&body, "code_verifier"),
        Some(format!("verifier-{CANARY}"))
    );
    assert_private(&file);
}

#[test]
fn what_an_authority_sends_does_not_control_the_terminal() {
    let hostile = "AB\u{1b}[2J\u{9b}1;1H\u{7}-12345";
    let code =
        serde_json::json!({"device_auth_id": "device", "user_code": hostile, "interval": "1"});
    let refusal = serde_json::json!({"error": {"message": hostile, "code": hostile}, "error_description": hostile});
    let server = authority(
        Script::new()
            .route("POST", USER_CODE, Answer::json(200, code.to_string()))
            .route("POST", DEVICE_TOKEN, Answer::json(400, refusal.to_string())),
    );
    let directory = Directory::new("terminal");
    let file = store(&directory);
    let ended = login(&directory, &server, &["--device", "--store", &file]).end();
    assert_eq!(ended.status.code(), Some(1));
    for printed in [&ended.stdout, &ended.stderr] {
        let live = |character: char| character.is_control() && character != '\n';
        assert!(!printed.contains(live), "{printed:?}");
    }
}

#[test]
fn a_device_login_that_is_not_enabled_is_told_from_one_that_is_pending() {
    let server = authority(Script::new().route("POST", USER_CODE, Answer::status(404)));
    let directory = Directory::new("disabled");
    let file = store(&directory);
    let ended = login(&directory, &server, &["--device-code", "--store", &file]).end();
    ended.fails_with("device login is not enabled (status 404); it can be turned on");
    assert_eq!(server.requests().len(), 1);
    assert!(!Path::new(&file).exists());
}

#[test]
fn a_device_login_that_is_declined_ends() {
    let declined = Answer::json(401, r#"{"error":"authorization_declined"}"#);
    let server = authority(Script::new().route("POST", USER_CODE, user_code()).route(
        "POST",
        DEVICE_TOKEN,
        declined,
    ));
    let directory = Directory::new("device-declined");
    let file = store(&directory);
    let ended = login(&directory, &server, &["--device", "--store", &file]).end();
    ended.fails_with("authorization_declined");
    assert!(!Path::new(&file).exists());
}

#[test]
fn an_authority_that_quotes_secrets_is_not_repeated() {
    let quoting = format!(
        r#"{{"error":"invalid_grant","error_description":"code code-{CANARY} is used up"}}"#
    );
    let server = authority(
        Script::new()
            .route("POST", USER_CODE, user_code())
            .route("POST", DEVICE_TOKEN, device_token())
            .route("POST", TOKEN, Answer::json(400, quoting)),
    );
    let directory = Directory::new("quoting");
    let file = store(&directory);
    let ended = login(&directory, &server, &["--device", "--store", &file]).end();
    ended.fails_with("authorization code was refused");
}

#[test]
fn the_named_file_keeps_what_is_not_ours_and_its_old_tokens_are_revoked() {
    let server = authority(device().route("POST", REVOKE, Answer::ok()));
    let directory = Directory::new("named");
    let file = store(&directory);
    let old = format!(
        r#"{{"OPENAI_API_KEY":null,"a_newer_key":[1,2.50],"tokens":{{"id_token":"e30.{CLAIMS}.{CANARY}","access_token":"old-{CANARY}","refresh_token":"old-refresh-{CANARY}","account_id":"acct-1"}},"last_refresh":"2026-01-02T03:04:05Z"}}"#
    );
    std::fs::write(&file, old).expect("a file");
    let ended = login(&directory, &server, &["--device", "--auth-file", &file]).end();
    assert!(ended.status.success(), "{}", ended.stderr);
    let stored = std::fs::read_to_string(&file).expect("a file");
    assert!(
        stored.contains("\"a_newer_key\": [1,2.50]"),
        "an unknown key is lost"
    );
    assert_eq!(
        read(&file)["tokens"]["refresh_token"],
        format!("refresh-{CANARY}")
    );
    assert_eq!(
        json(&to(&server, REVOKE)[0])["token"],
        format!("old-refresh-{CANARY}")
    );
    assert_private(&file);
}

#[test]
fn status_and_logout() {
    let server = authority(device().route("POST", REVOKE, Answer::ok()));
    let directory = Directory::new("status");
    // Without a name, the login is in the program's own file.
    let ended = login(&directory, &server, &["--status"]).end();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stdout.starts_with("not signed in"));
    assert!(
        login(&directory, &server, &["--device"])
            .end()
            .status
            .success()
    );

    let ended = login(&directory, &server, &["--status"]).end();
    assert!(ended.status.success());
    assert!(
        ended
            .stdout
            .contains("signed in as me@example.com (plan plus, account acct-1)\n")
    );
    assert!(ended.stdout.contains("the access token is valid for "));
    if cfg!(target_os = "linux") {
        let own = directory.path("config").join("codex-client-rs/auth.json");
        assert!(ended.stdout.contains(&own.display().to_string()));
        assert!(own.exists());
    }

    let ended = login(&directory, &server, &["--logout"]).end();
    assert!(ended.status.success());
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("signed out\n", "")
    );
    let revoked = json(&to(&server, REVOKE)[0]);
    assert_eq!(revoked["token"], format!("refresh-{CANARY}"));
    assert_eq!(revoked["token_type_hint"], "refresh_token");
    let ended = login(&directory, &server, &["--status"]).end();
    assert_eq!(ended.status.code(), Some(1));

    let ended = login(&directory, &server, &["--logout"]).end();
    assert!(ended.status.success());
    assert_eq!(ended.stdout, "not signed in\n");
    assert_eq!(to(&server, REVOKE).len(), 1);
}

#[test]
fn signing_out_does_not_depend_on_the_authority() {
    let server = authority(device().route("POST", REVOKE, Answer::status(400)));
    let directory = Directory::new("unrevoked");
    let file = store(&directory);
    assert!(
        login(&directory, &server, &["--device", "--store", &file])
            .end()
            .status
            .success()
    );
    let ended = login(&directory, &server, &["--logout", "--store", &file]).end();
    assert!(ended.status.success());
    assert_eq!(ended.stdout, "signed out\n");
    ended.reports("may still be valid");
    assert!(!Path::new(&file).exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt as _;

    let server = authority(Script::new());
    let directory = Directory::new("interrupt");
    let file = store(&directory);
    let program = login(&directory, &server, &["--paste", "--store", &file]);
    program.address();
    // A shell makes its background jobs ignore interrupts, and the program would inherit that.
    let (name, number) = if ignores_interrupts() {
        ("-TERM", 15)
    } else {
        ("-INT", 2)
    };
    let start = Instant::now();
    let interrupt = Command::new("kill")
        .args([name, &program.id().to_string()])
        .status();
    assert!(interrupt.expect("kill").success());
    let ended = program.end();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(ended.status.signal(), Some(number));
    assert!(!Path::new(&file).exists());
}

/// Returns whether this process ignores SIGINT, where `/proc` shows it.
#[cfg(unix)]
fn ignores_interrupts() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 0b10 != 0)
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    let server = authority(Script::new());
    let directory = Directory::new("arguments");
    for (arguments, complaint) in [
        (&["--status", "--logout"][..], "cannot be used together"),
        (
            &["--store", "a", "--auth-file", "b"],
            "cannot be used together",
        ),
        (
            &["--profile", "other"],
            "--profile must be chatgpt or sign-in-with-chatgpt",
        ),
        (&["--profile", "siwc"], "missing --app-name"),
        (&["--bogus"], "--bogus"),
        (
            &["--issuer", "http://auth.example", "--device"],
            "neither https nor loopback",
        ),
    ] {
        let ended = login(&directory, &server, arguments).end();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        assert!(
            ended.stderr.contains(complaint),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let ended = login(&directory, &server, &["--help"]).end();
    assert!(ended.status.success());
    assert!(ended.stdout.starts_with("usage: login"));
    assert!(server.requests().is_empty());
}
