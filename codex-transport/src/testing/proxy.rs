use core::fmt;
use core::net::{Ipv4Addr, SocketAddr};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use http::header::PROXY_AUTHORIZATION;
use http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::lock::lock;
use crate::testing::server::run;

/// An HTTP proxy on 127.0.0.1 that opens tunnels (CONNECT), optionally with a password.
///
/// ```
/// use codex_transport::testing::LoopbackProxy;
///
/// let proxy = LoopbackProxy::builder().password("user", "invented").start().unwrap();
/// assert!(proxy.url().starts_with("http://user:invented@127.0.0.1:"));
/// assert!(proxy.targets().is_empty());
/// ```
pub struct LoopbackProxy {
    address: SocketAddr,
    login: Option<(String, String)>,
    targets: Targets,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A builder of a [`LoopbackProxy`].
#[derive(Clone, Debug, Default)]
pub struct LoopbackProxyBuilder {
    login: Option<(String, String)>,
    refuse: Option<StatusCode>,
    silent: bool,
}

type Targets = Arc<Mutex<Vec<String>>>;

impl LoopbackProxy {
    /// Starts a proxy that requires no credentials.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is available or no thread can be spawned.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Returns a builder for custom settings.
    pub fn builder() -> LoopbackProxyBuilder {
        LoopbackProxyBuilder::default()
    }

    /// Returns the proxy's URL, with name and password if it requires them.
    pub fn url(&self) -> String {
        match &self.login {
            Some((user, password)) => format!("http://{user}:{password}@{}", self.address),
            None => format!("http://{}", self.address),
        }
    }

    /// Returns the `host:port` of every tunnel that was opened.
    pub fn targets(&self) -> Vec<String> {
        lock(&self.targets).clone()
    }
}

impl LoopbackProxyBuilder {
    /// Requires this name and password, and responds with 407 otherwise.
    #[must_use]
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    /// Responds to every request with this status.
    ///
    /// # Panics
    ///
    /// Panics if the number is not a status (100 to 999).
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a script is test code; an invalid one should fail at its source"
    )]
    pub fn refuse(mut self, status: u16) -> Self {
        self.refuse = Some(StatusCode::from_u16(status).expect("a status from 100 to 999"));
        self
    }

    /// Accepts every request and responds to none.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Starts the proxy.
    ///
    /// # Errors
    ///
    /// Returns an error if no port is available or no thread can be spawned.
    pub fn start(self) -> io::Result<LoopbackProxy> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let targets = Targets::default();
        let login = self.login.clone();
        let rules = Arc::new(Rules {
            builder: self,
            targets: targets.clone(),
        });
        let (stop, thread) = run(move || async move {
            let Ok(listener) = TcpListener::from_std(listener) else {
                return;
            };
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                tokio::spawn(serve(stream, rules.clone()));
            }
        })?;
        Ok(LoopbackProxy {
            address,
            login,
            targets,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for LoopbackProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for LoopbackProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackProxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

struct Rules {
    builder: LoopbackProxyBuilder,
    targets: Targets,
}

async fn serve(stream: TcpStream, rules: Arc<Rules>) {
    let service = hyper::service::service_fn(move |request| tunnel(request, rules.clone()));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    drop(connection.with_upgrades().await);
}

async fn tunnel(
    mut request: Request<hyper::body::Incoming>,
    rules: Arc<Rules>,
) -> Result<Response<String>, io::Error> {
    let refuse = |status: StatusCode| {
        let mut response = Response::new(String::from("refused by the proxy"));
        *response.status_mut() = status;
        Ok(response)
    };
    let expected = rules
        .builder
        .login
        .as_ref()
        .map(|(user, password)| basic(user, password));
    let given = request
        .headers()
        .get(PROXY_AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if expected.is_some() && given != expected.as_deref() {
        return refuse(StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    }
    if rules.builder.silent {
        core::future::pending::<()>().await;
    }
    if let Some(status) = rules.builder.refuse {
        return refuse(status);
    }
    let target = request.uri().authority().map(ToString::to_string);
    let Some(target) = target.filter(|_| request.method() == Method::CONNECT) else {
        return refuse(StatusCode::METHOD_NOT_ALLOWED);
    };
    let Ok(mut server) = TcpStream::connect(&target).await else {
        return refuse(StatusCode::BAD_GATEWAY);
    };
    drop(server.set_nodelay(true));
    lock(&rules.targets).push(target);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(client) = upgrade.await {
            drop(tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut server).await);
        }
    });
    Ok(Response::new(String::new()))
}

// Encodes basic credentials (RFC 7617, RFC 4648): too little code to justify a dependency.
fn basic(user: &str, password: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("Basic ");
    for group in format!("{user}:{password}").as_bytes().chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (index, byte)| {
            bits | u32::from(*byte) << (16 - 8 * index)
        });
        for index in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index <= group.len() {
                letter.into()
            } else {
                '='
            });
        }
    }
    text
}
