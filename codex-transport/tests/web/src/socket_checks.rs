//! `WebSocketTransport`.

use codex_transport::{
    Error, ErrorKind, Phase, Sent, Upgrade, WebSocketTransport, WsConnection, WsSettings,
    WsTransport as _,
};
use http::Request;

use crate::{Checked, same};

fn request(url: &str) -> Request<()> {
    Request::get(url).body(()).unwrap()
}

async fn open(transport: &WebSocketTransport, url: &str) -> Result<WsConnection, String> {
    match transport.connect(request(url)).await {
        Ok(Upgrade::Accepted(connection, response)) => {
            same("status", response.status().as_u16(), 101)?;
            Ok(connection)
        }
        Ok(Upgrade::Refused(_)) => Err("refused".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

async fn text(connection: &mut WsConnection) -> Result<String, String> {
    match connection.next().await {
        Some(Ok(message)) => Ok(String::from_utf8_lossy(&message).into_owned()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the end".to_owned()),
    }
}

async fn failure(connection: &mut WsConnection) -> Result<Error, String> {
    match connection.next().await {
        Some(Ok(message)) => Err(format!("a message: {message:?}")),
        Some(Err(error)) => Ok(error),
        None => Err("the end".to_owned()),
    }
}

pub(crate) async fn messages(server: &str) -> Checked {
    let mut connection = open(&WebSocketTransport::new(), &format!("{server}/messages")).await?;
    for (question, answer) in [("one", "first"), ("two", "second: ü")] {
        let sent = connection.send(question).await;
        sent.map_err(|error| error.to_string())?;
        same("message", text(&mut connection).await?.as_str(), answer)?;
    }
    let closed = connection.close(1000).await;
    closed.map_err(|error| error.to_string())
}

pub(crate) async fn closures(server: &str) -> Checked {
    let transport = WebSocketTransport::new();
    let mut connection = open(&transport, &format!("{server}/normal")).await?;
    same("a normal closure", connection.next().await.is_none(), true)?;

    let mut connection = open(&transport, &format!("{server}/busy")).await?;
    same("message", text(&mut connection).await?.as_str(), "last")?;
    let error = failure(&mut connection).await?;
    same(
        "kind",
        (error.kind(), error.close_code()),
        (ErrorKind::Closed, Some(1013)),
    )?;
    same("after an error", connection.next().await.is_none(), true)?;

    let mut connection = open(&transport, &format!("{server}/reset")).await?;
    connection
        .send("question")
        .await
        .map_err(|error| error.to_string())?;
    let error = failure(&mut connection).await?;
    same(
        "a reset",
        (error.kind(), error.sent()),
        (ErrorKind::Truncated, Sent::Maybe),
    )
}

pub(crate) async fn limits(server: &str) -> Checked {
    let mut settings = WsSettings::default();
    settings.max_message = 8;
    let transport = WebSocketTransport::new().settings(settings);
    let mut connection = open(&transport, &format!("{server}/large")).await?;
    same("small", text(&mut connection).await?.as_str(), "small")?;
    let error = failure(&mut connection).await?;
    same("large", error.kind(), ErrorKind::TooLarge)?;

    let transport = WebSocketTransport::new();
    let mut connection = open(&transport, &format!("{server}/binary")).await?;
    let error = failure(&mut connection).await?;
    same("binary", error.kind(), ErrorKind::Protocol)?;
    settings = WsSettings::default();
    settings.accept_binary = true;
    let mut connection = open(&transport.settings(settings), &format!("{server}/binary")).await?;
    same("accepted", text(&mut connection).await?.as_str(), "binary")
}

pub(crate) async fn upgrades(server: &str) -> Checked {
    let transport = WebSocketTransport::new();
    let url = format!("{server}/normal");
    let with_header = || {
        let mut request = request(&url);
        let value = "Bearer invented".parse().unwrap();
        request.headers_mut().insert("authorization", value);
        request
    };
    let Err(error) = transport.connect(with_header()).await else {
        return Err("a header that was not sent".to_owned());
    };
    same(
        "kind",
        (error.kind(), error.sent()),
        (ErrorKind::InvalidRequest, Sent::No),
    )?;
    let omitting = WebSocketTransport::new().omit_headers(true);
    if omitting.connect(with_header()).await.is_err() {
        return Err("the header was not omitted".to_owned());
    }

    let Err(error) = transport
        .connect(request(&format!("{server}/refused")))
        .await
    else {
        return Err("no refusal".to_owned());
    };
    same(
        "refusal",
        (error.kind(), error.sent()),
        (ErrorKind::ConnectionLost, Sent::No),
    )?;
    same("phase", error.phase(), Phase::Handshake)
}
