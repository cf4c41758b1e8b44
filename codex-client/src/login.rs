//! Signing in, signing out, and the credentials in between: codex-auth's machines over a codex-transport transport.
//!
//! A [`Login`] is a place where a login is kept and the authority it comes from. [`Login::with_device_code`] and
//! [`Login::in_browser`] fill the place, [`Login::sign_out`] empties it, and [`Login::credentials`] gives a client what is in it, renewed
//! when it must be. The `login` example is a whole program made of it.
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
//! login.with_device_code(|prompt| shown = format!("{} {:?}", prompt.url(), prompt.user_code())).await?;
//! assert_eq!(shown, r#"https://auth.openai.com/codex/device Some("ABCD-12345")"#);
//!
//! let client = Client::builder().base_url("https://chatgpt.com/backend-api/codex").auth(login.credentials().build()?).build()?;
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
