//! Signing in, signing out, and credentials from a stored login: the state machines of codex-auth
//! over a transport of codex-transport.
//!
//! A [`Login`] combines an authority with the store of a login. [`Login::with_device_code`] and
//! [`Login::in_browser`] sign in and store the login, [`Login::sign_out`] removes it, and
//! [`Login::credentials`] provides a client with credentials and renews them when necessary. The
//! `login` example is a complete program.
//!
//! ```
//! use codex_auth::{MemoryStore, OAuthProfile};
//! use codex_client::{Client, login::Login};
//! use codex_transport::TokioTimer;
//! use codex_transport::testing::{Answer, Script, ScriptedTransport};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // In a program: HyperTransport::new()? and FileStore::for_app("my-app")?.
//! let transport = ScriptedTransport::new(
//!     Script::new()
//!         .route("POST", "/api/accounts/deviceauth/usercode", Answer::json(200, r#"{"device_auth_id":"d","user_code":"ABCD-12345","interval":"5"}"#))
//!         .route("POST", "/api/accounts/deviceauth/token", Answer::json(200, r#"{"authorization_code":"c","code_challenge":"h","code_verifier":"v"}"#))
//!         .route("POST", "/oauth/token", Answer::json(200, r#"{"id_token":"e30.e30.c2ln","access_token":"invented","refresh_token":"invented"}"#)),
//! );
//! let login = Login::new(OAuthProfile::codex(), MemoryStore::new(), transport, TokioTimer);
//!
//! let mut shown = String::new();
//! login
//!     .with_device_code(|prompt| shown = format!("{} {:?}", prompt.url(), prompt.user_code()))
//!     .await?;
//! assert_eq!(shown, r#"https://auth.openai.com/codex/device Some("ABCD-12345")"#);
//!
//! let client = Client::builder()
//!     .base_url("https://chatgpt.com/backend-api/codex")
//!     .auth(login.credentials().build()?)
//!     .build()?;
//! # let _ = client;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod adapter;
mod browser;
mod driver;
mod listener;

pub use self::adapter::{TransportSender, TransportTimer};
pub use self::browser::{Notice, Redirects};
pub use self::driver::{Login, SignedIn};
pub use self::listener::RedirectListener;
